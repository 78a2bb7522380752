# SPDX-License-Identifier: LGPL-2.1-or-later
"""Work, done within the request or as a job, and what can be asked of jobs."""
import time

from api import Fail, Fields, Instance, Reply, missing, route
from state import new_uuid

FIELDS = Fields(known=["uuid", "description", "state", "message", "code", "error", "start_time",
                       "end_time", "svm"], identity=("uuid",))


def execute(req, work):
    """The reply to a request whose handler returned WORK."""
    knobs = req.cluster.knobs
    timeout = req.number("return_timeout", 0, 0, 120)
    in_time = timeout > 0 and (knobs["job_polls"] or knobs["job_seconds"] <= timeout)
    if in_time and not (work.force_job or knobs["always_202"] or knobs["job_outcome"]):
        return done(req, work, work.action())
    job = start(req, work)
    headers = {"Location": work.location} if work.location else {}
    body = {"job": {"uuid": job["uuid"],
                    "_links": {"self": {"href": f"/api/cluster/jobs/{job['uuid']}"}}}}
    if work.promised:
        body.update(num_records=len(work.promised), records=work.promised)
    return Reply(202, body, headers)


def done(req, work, records):
    body = {}
    if records and req.flag("return_records"):
        body = {"num_records": len(records), "records": records}
    return Reply(work.status, body, {"Location": work.location} if work.location else {})


def start(req, work):
    cluster = req.cluster
    outcome = cluster.knobs["job_outcome"]
    job = {"uuid": new_uuid(), "description": f"{req.method} {req.path}", "state": "queued",
           "start_time": cluster.timestamp(), "_work": work, "_outcome": outcome,
           "_polls": cluster.knobs["job_polls"]}
    if work.svm:
        job["svm"] = dict(work.svm)
    cluster.jobs[job["uuid"]] = job
    if outcome == "lost":
        del cluster.jobs[job["uuid"]]
    elif outcome == "stuck":
        job["state"], job["_polls"] = "running", 0
    elif not job["_polls"]:
        half = cluster.knobs["job_seconds"] / 2
        cluster.state.after(half, lambda: job.update(state="running"))
        cluster.state.after(half * 2, lambda: finish(cluster, job))
    return job


def finish(cluster, job):
    job["state"] = "running"
    try:
        if isinstance(job["_outcome"], dict):
            raise Fail(job["_outcome"]["code"], job["_outcome"]["message"])
        job["_work"].action()
        job.update(state="success", code=0, message="success")
    except Fail as failure:
        where = cluster.knobs["job_error"]
        job["state"] = "failure"
        if where in ("both", "message"):
            job.update(code=int(failure.code), message=failure.message)
        if where in ("both", "error"):
            job["error"] = failure.error()
    job["end_time"] = cluster.timestamp()
    job["_gone_at"] = time.monotonic() + cluster.knobs["job_retention"]


def look_up(req, uuid):
    job = req.cluster.jobs.get(uuid)
    if job and job.get("_gone_at", float("inf")) <= time.monotonic():
        del req.cluster.jobs[uuid]
        job = None
    if job is None:
        raise missing()
    return job


@route("GET", "/cluster/jobs/{uuid}", fields=FIELDS)
def get_job(req, uuid):
    job = look_up(req, uuid)
    reply = Instance(dict(job), FIELDS)
    if job["_polls"] and job["state"] in ("queued", "running"):
        job["_polls"] -= 1
        job["state"] = "running"
        if not job["_polls"]:
            finish(req.cluster, job)
    return reply


@route("PATCH", "/cluster/jobs/{uuid}", params=["action"])
def patch_job(req, uuid):
    if look_up(req, uuid)["state"] in ("success", "failure"):
        raise Fail(458762, "The job has already completed.")
    raise Fail(458784, "The job does not support cancel.")
