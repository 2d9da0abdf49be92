"""Calls of Kingbird: refusals are sentences, and nothing logs the user out but a bad token."""

import json
from unittest import mock

import pytest
import requests
from horizon import exceptions

from kingbird_dashboard.api import catalog, client
from kingbird_dashboard.test.unit.case import REGIONS, URL, PageCase


class ClientTest(PageCase):
    def call(self, **kwargs):
        return client.call(self.request, "GET", "os-sync", **kwargs)

    def test_an_answer(self):
        self.answer("GET", "os-sync", {"job_set": []}, ETag='"a"')
        found = self.call(query={"limit": 2, "status": ["SUCCESS", "FAILURE"], "marker": ""})
        assert (found.body, found.etag, found.is_unchanged) == ({"job_set": []}, '"a"', False)
        sent = self.kingbird.last_request
        assert sent.qs == {"limit": ["2"], "status": ["success", "failure"]}
        assert sent.headers["X-Auth-Token"] == self.token.id
        assert "If-None-Match" not in sent.headers

    def test_an_answer_that_is_known(self):
        self.answer("GET", "os-sync", None, 304)
        assert self.call(etag='"a"').is_unchanged
        assert self.kingbird.last_request.headers["If-None-Match"] == '"a"'

    def test_a_refusal_has_kingbirds_sentence(self):
        self.refuse("GET", "os-sync", 409, "The job is running")
        with pytest.raises(client.ServiceError, match="The job is running") as caught:
            self.call()
        assert caught.value.code == 409

    def test_an_answer_that_is_no_json(self):
        self.kingbird.get(f"{URL}/{self.tenant.id}/os-sync", text="<h1>Bad</h1>", status_code=502)
        with pytest.raises(client.ServiceError, match="502"):
            self.call()

    def test_no_answer(self):
        for error in (requests.ConnectionError, requests.Timeout):
            self.kingbird.get(f"{URL}/{self.tenant.id}/os-sync", exc=error)
            with pytest.raises(client.ServiceError, match="does not answer") as caught:
                self.call()
            assert caught.value.code == 503

    def test_a_token_that_has_expired_leads_to_the_login(self):
        self.refuse("GET", "os-sync", 401, "The request you have made requires authentication")
        with pytest.raises(exceptions.NotAuthenticated):
            self.call()

    def test_no_token_is_in_what_is_raised(self):
        self.refuse("GET", "os-sync", 403, "No")
        with pytest.raises(client.ServiceError) as caught:
            self.call()
        assert self.token.id not in json.dumps(str(vars(caught.value)))


class CatalogTest(PageCase):
    def test_the_regions_are_those_with_an_image_service(self):
        assert catalog.image_regions(self.request) == sorted(REGIONS)

    def test_kingbird_in_another_region_than_the_chosen_one(self):
        service = next(one for one in self.service_catalog if one["type"] == "synchronization")
        service["endpoints"] = [
            {**service["endpoints"][0], "region": "RegionTwo", "region_id": "RegionTwo"}
        ]
        self._setup_user()
        assert self.request.user.services_region == "RegionOne"
        assert catalog.service_url(self.request) == URL

    def test_no_kingbird(self):
        self.service_catalog[:] = [
            one for one in self.service_catalog if one["type"] != "synchronization"
        ]
        self._setup_user()
        with mock.patch.object(client, "_adapter") as adapter:
            with pytest.raises(client.ServiceError, match="catalog"):
                client.call(self.request, "GET", "os-sync")
            adapter.assert_not_called()
