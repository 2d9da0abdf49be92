"""Tests of the rights of each role, and of another project's member."""

from typing import Any

from tempest.lib import decorators, exceptions

from kingbird_tempest_plugin.tests import base
from kingbird_tempest_plugin.tests.base import CANCELLED, SUCCESS, sync
from kingbird_tempest_plugin.tests.images import Images, unique


class RolesTest(base.BaseSyncTest):
    """A reader, a member and an admin of one project, and a member of another one."""

    credentials = ["primary", "project_reader", "project_admin", "project_alt_member"]

    @classmethod
    def setup_clients(cls) -> None:
        """Create a client for each of them."""
        super().setup_clients()
        cls.reader = cls.os_project_reader.kingbird_v1.SyncJobsClient()
        cls.admin = cls.os_project_admin.kingbird_v1.SyncJobsClient()
        cls.stranger = cls.os_project_alt_member.kingbird_v1.SyncJobsClient()
        cls.engines_clients = {
            "reader": cls.os_project_reader.kingbird_v1.EnginesClient(),
            "member": cls.os_primary.kingbird_v1.EnginesClient(),
            "admin": cls.os_project_admin.kingbird_v1.EnginesClient(),
        }

    def _set(self, **options: Any) -> base.Set:
        image = self.images.make(self.source, None)
        return sync(image["id"], source=self.source, target=[self.target], **options)

    def _ended(self, **options: Any) -> str:
        job_id = self.start(self._set(**options))
        self.wait(job_id)
        return job_id

    @decorators.idempotent_id("63304b72-e3b5-41e9-95ce-6edafb9e9e99")
    def test_the_personas_are_of_one_project(self) -> None:
        self.assertEqual(self.client.project_id, self.reader.project_id)
        self.assertEqual(self.client.project_id, self.admin.project_id)
        self.assertNotEqual(self.client.project_id, self.stranger.project_id)

    @decorators.idempotent_id("312d2331-0e0c-4d42-aa18-615d33351445")
    def test_reader_lists_and_shows(self) -> None:
        job_id = self._ended()
        self.assertIn(job_id, [job["id"] for job in self.reader.list_sync_jobs()["job_set"]])
        self.reader.list_active_sync_jobs()
        shown = self.reader.show_sync_job(job_id)
        self.assertEqual(SUCCESS, shown["job"]["sync_status"])
        self.assertEqual(1, len(shown["job_set"]))

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("fa4cf988-7aff-4c6e-9c4b-2fa5ee3824aa")
    def test_reader_changes_nothing(self) -> None:
        job_id = self._ended()
        wanted = self._set()
        self.assertRaises(exceptions.Forbidden, self.reader.create_sync_job, wanted)
        for call in (
            self.reader.delete_sync_job,
            self.reader.cancel_sync_job,
            self.reader.retry_sync_job,
        ):
            self.assertRaises(exceptions.Forbidden, call, job_id)
        self.assertEqual(SUCCESS, self.client.show_sync_job(job_id)["job"]["sync_status"])
        self.assertIsNone(self.images.get(self.target, wanted["resources"][0]))

    @decorators.idempotent_id("0b3b9034-4540-467c-8f40-bb9a208c52ff")
    def test_admin_does_what_a_member_does(self) -> None:
        status, items = self.run_job(self._set(), client=self.admin)
        self.assertEqual((SUCCESS, "created"), (status, items[0]["reason"]))
        job_id = self._ended()
        self.admin.show_sync_job(job_id)
        self.admin.delete_sync_job(job_id)
        self.assertRaises(exceptions.NotFound, self.client.show_sync_job, job_id)

    @decorators.idempotent_id("45b27a83-558d-4bf9-b498-d1122ca005e7")
    def test_admin_cancels_and_retries_its_own_job(self) -> None:
        job_id = self.long_job(self.admin)
        self.admin.cancel_sync_job(job_id)
        self.assertEqual(CANCELLED, self.wait(job_id, self.admin)[0])
        self.admin.retry_sync_job(job_id)
        status, items = self.wait(job_id, self.admin)
        self.assertEqual(SUCCESS, status)
        self.assertEqual({SUCCESS}, {item["sync_status"] for item in items})

    @decorators.idempotent_id("04f288af-7e1f-47a8-a4ce-ad1e01bd6904")
    def test_admin_sees_cancels_and_deletes_another_projects_job(self) -> None:
        theirs = Images(self.os_project_alt_member, self.regions, self.addCleanup)
        project = self.stranger.project_id
        # This call comes first, because the job may end while the admin gets a token.
        self.admin.list_active_sync_jobs(project=project)
        job_id = self.long_job(self.stranger, theirs)
        self.admin.cancel_sync_job(job_id, project=project)
        listed = self.admin.list_sync_jobs(project=project)["job_set"]
        self.assertIn(job_id, [job["id"] for job in listed])
        status, items = self.wait(job_id, self.stranger)
        self.assertEqual(CANCELLED, status)
        shown = self.admin.show_sync_job(job_id, project=project)
        self.assertEqual(CANCELLED, shown["job"]["sync_status"])
        self.assertCountEqual(
            [item["id"] for item in items], [item["id"] for item in shown["job_set"]]
        )
        # A job runs in the token's project, so it cannot be retried from another one.
        self.assertRaises(exceptions.Forbidden, self.admin.retry_sync_job, job_id, project=project)
        self.admin.delete_sync_job(job_id, project=project)
        listed = self.admin.list_sync_jobs(project=project)["job_set"]
        self.assertNotIn(job_id, [job["id"] for job in listed])
        self.assertRaises(exceptions.NotFound, self.stranger.show_sync_job, job_id)

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("4b7d9964-c481-4304-aaf6-71edb1606dbc")
    def test_stranger_finds_no_job_of_the_project(self) -> None:
        job_id = self._ended()
        listed = self.stranger.list_sync_jobs()["job_set"]
        self.assertNotIn(job_id, [job["id"] for job in listed])
        for call in (
            self.stranger.show_sync_job,
            self.stranger.delete_sync_job,
            self.stranger.cancel_sync_job,
            self.stranger.retry_sync_job,
        ):
            self.assertRaises(exceptions.NotFound, call, job_id)

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("07965f7f-444c-4724-8ed9-e3f944657575")
    def test_stranger_reaches_nothing_by_the_projects_path(self) -> None:
        job_id = self._ended()
        project = self.client.project_id
        for call in (self.stranger.list_sync_jobs, self.stranger.list_active_sync_jobs):
            self.assertRaises(exceptions.Forbidden, call, project=project)
        for call in (
            self.stranger.show_sync_job,
            self.stranger.delete_sync_job,
            self.stranger.cancel_sync_job,
            self.stranger.retry_sync_job,
        ):
            self.assertRaises(exceptions.Forbidden, call, job_id, project=project)
        self.assertEqual(SUCCESS, self.client.show_sync_job(job_id)["job"]["sync_status"])

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("d7e1fb62-8cc3-4e21-b6e6-d37df9326d60")
    def test_stranger_syncs_no_private_image(self) -> None:
        self.assertRaises(exceptions.NotFound, self.stranger.create_sync_job, self._set())

    @decorators.idempotent_id("955160e9-8996-4fe7-892f-eb157fc678a1")
    def test_all_projects_is_for_admins(self) -> None:
        name = unique("all-projects")
        image = self.images.make(self.source, name=name)
        wanted = sync("*", source=self.source, target=[self.target], all_projects=True)
        # Only this image is selected, because others may use the cloud too.
        wanted.update(dry_run=True, filters={"name": name})
        for client in (self.client, self.reader):
            self.assertRaises(exceptions.Forbidden, client.create_sync_job, wanted)
        job_id = self.start(wanted, client=self.admin)
        status, items = self.wait(job_id, self.admin)
        self.assertEqual(SUCCESS, status)
        self.assertEqual([image["id"]], [item["resource"] for item in items])
        # Other users of the project cannot see the job.
        listed = self.client.list_sync_jobs()["job_set"]
        self.assertNotIn(job_id, [job["id"] for job in listed])
        for call in (self.client.show_sync_job, self.client.delete_sync_job):
            self.assertRaises(exceptions.NotFound, call, job_id)

    @decorators.idempotent_id("987c6277-2ab8-4c4e-91a7-e64ea2aee5ca")
    def test_engines_are_for_admins(self) -> None:
        for role in ("reader", "member"):
            client = self.engines_clients[role]
            self.assertRaises(exceptions.Forbidden, client.list_engines)
        engines = self.engines_clients["admin"].list_engines()["engines"]
        self.assertIn(True, [engine["alive"] for engine in engines])
