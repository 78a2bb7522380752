# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cluster itself, its SVMs and network interfaces."""
from api import Collection, Fields, Instance, missing, route

CLUSTER = Fields(known=["uuid", "name", "version.full", "version.generation", "version.major",
                        "version.minor"])
SVM = Fields(known=["uuid", "name", "state"])
INTERFACE = Fields(known=["uuid", "name", "ip.address", "ip.family", "scope", "state", "enabled",
                          "services", "svm.uuid", "svm.name"])


@route("GET", "/cluster", fields=CLUSTER)
def get_cluster(req):
    generation, major, minor = req.cluster.version()
    return Instance({"uuid": req.cluster.uuid, "name": req.cluster.name, "version": {
        "full": f"NetApp Release {req.cluster.knobs['version']}: of a test double",
        "generation": generation, "major": major, "minor": minor}}, CLUSTER)


@route("GET", "/svm/svms", fields=SVM)
def list_svms(req):
    return Collection([svm for svm in req.cluster.svms if req.sees(svm["name"])], SVM)


@route("GET", "/svm/svms/{uuid}", fields=SVM)
def get_svm(req, uuid):
    return Instance(req.cluster.one(list_svms(req).records, "uuid", uuid), SVM)


@route("GET", "/network/ip/interfaces", fields=INTERFACE)
def list_interfaces(req):
    return Collection([lif for lif in req.cluster.lifs if req.sees(lif["svm"]["name"])], INTERFACE)


@route("GET", "/network/ip/interfaces/{uuid}", fields=INTERFACE)
def get_interface(req, uuid):
    found = [lif for lif in list_interfaces(req).records if lif["uuid"] == uuid]
    if not found:
        raise missing()
    return Instance(found[0], INTERFACE)
