import time
from kingbird.tests.functional.kingbird_api import sync
def test_timeline(demo, api, deployment, glances):
    for n in range(4):
        image = demo.make("RegionOne")
        t0=time.monotonic()
        marks={k:len(p.calls) for k,p in [*glances.items(),('K',deployment.keystone)]}
        j=api(demo).accepted(sync(image['id'])); t1=time.monotonic()
        api(demo).wait(j); t2=time.monotonic()
        time.sleep(.3)
        print('post %.3f wait %.3f'%(t1-t0,t2-t1))
        ev=[(c.at-t0,k,c.method,c.path[:40],c.query.get('os_hidden','')) for k,p in [*glances.items(),('K',deployment.keystone)] for c in p.calls[marks[k]:]]
        for e in sorted(ev): print('  %.3f %s %s %s %s'%e)
