"""Options that a running service takes over from its files at SIGHUP."""

import functools

from oslo_config import cfg

MutableBoolOpt = functools.partial(cfg.BoolOpt, mutable=True)
MutableFloatOpt = functools.partial(cfg.FloatOpt, mutable=True)
MutableIntOpt = functools.partial(cfg.IntOpt, mutable=True)
