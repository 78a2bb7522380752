# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether a request is signed as AWS's documents on Signature Version 4 say."""
import calendar
import hashlib
import hmac
import re
import time

SKEW_SECONDS = 15 * 60

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/, ]+)/(\d{8})/([^/, ]+)/s3/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$")


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(secret, date, region, text):
    key = ("AWS4" + secret).encode()
    for part in (date, region, "s3", "aws4_request"):
        key = sign(key, part)
    return sign(key, text).hex()


def trouble(secrets, method, path, query, headers, body, ahead):
    """(status, code) of what is wrong; None when nothing is."""
    match = AUTHORIZATION.match(headers.get("Authorization", ""))
    if not match:
        return 403, "AccessDenied"
    key_id, date, region, names, given = match.groups()
    if key_id not in secrets:
        return 403, "InvalidAccessKeyId"
    names = names.split(";")
    must = {"host"} | {name.lower() for name in headers if name.lower().startswith("x-amz-")}
    if names != sorted(names) or not must <= set(names):
        return 403, "AccessDenied"
    stamp = headers.get("x-amz-date", "")
    try:
        moment = calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return 403, "AccessDenied"
    if abs(moment - time.time() - ahead) > SKEW_SECONDS:
        return 403, "RequestTimeTooSkewed"
    given_hash = headers.get("x-amz-content-sha256", "")
    lines = [method, path, query]
    lines += [f"{name}:{headers.get(name, '').strip()}" for name in names]
    lines += ["", ";".join(names), given_hash]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{date}/{region}/s3/aws4_request\n{digest}"
    if signature(secrets[key_id], date, region, text) != given or date != stamp[:8]:
        return 403, "SignatureDoesNotMatch"
    if hashlib.sha256(body).hexdigest() != given_hash:
        return 400, "XAmzContentSHA256Mismatch"
    return None
