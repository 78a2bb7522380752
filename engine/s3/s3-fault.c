/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the server's replies mean, and what people can do about them. */
#include "s3-client-priv.h"

#include "errors.h"

#include <string.h>

/* Of one request. */
#define SHORT_PARTS_MAX 3u

#define RIGHTS                                                                                     \
	"it needs GetObject, PutObject and ListBucket, and DeleteObject for leases and 'virtkeep " \
	"gc'"

typedef struct Fault {
	const char *code;
	VkErrorCode error;
	const char *text;
} Fault;

static const Fault faults[] = {
	{"NoSuchBucket", VK_ERROR_FAILED,
	 "there is no such bucket: make it, or mend the vault's URL"},
	{"NoSuchKey", VK_ERROR_NOT_FOUND, "it is not there"},
	{"PreconditionFailed", VK_ERROR_EXISTS, "it exists already"},
	{"InvalidRange", VK_ERROR_DAMAGE, "it is truncated"},
	{"QuotaExceeded", VK_ERROR_FULL, "the quota of the bucket or its user is used up"},
	{"XMinioStorageFull", VK_ERROR_FULL, "the server is full"},
	{"SignatureDoesNotMatch", VK_ERROR_DENIED,
	 "the secret of the access key is wrong, or the region"},
	{"InvalidAccessKeyId", VK_ERROR_DENIED, "the server does not know the access key"},
	{"ExpiredToken", VK_ERROR_DENIED, "the session token has expired"},
	{"InvalidToken", VK_ERROR_DENIED, "the session token is wrong"},
	{"InvalidObjectState", VK_ERROR_FAILED,
	 "it lies in an archive: a rule of the bucket's life cycle moves what the vault needs"},
};

/* For replies without a code, as those to HEAD. */
static const Fault *fault_of_status(guint status)
{
	static const struct {
		guint status;
		Fault fault;
	} known[] = {
		{403, {"", VK_ERROR_DENIED, "the access key may not do that: " RIGHTS}},
		{404, {"", VK_ERROR_NOT_FOUND, "it is not there"}},
		{412, {"", VK_ERROR_EXISTS, "it exists already"}},
		{416, {"", VK_ERROR_DAMAGE, "it is truncated"}},
		{503, {"", VK_ERROR_BUSY, "the server has too much to do"}},
		{507, {"", VK_ERROR_FULL, "the server is full"}},
	};

	for (guint i = 0; i < G_N_ELEMENTS(known); i++)
		if (known[i].status == status)
			return &known[i].fault;
	return NULL;
}

static const Fault *find_fault(guint status, const char *code)
{
	for (guint i = 0; code && i < G_N_ELEMENTS(faults); i++)
		if (strcmp(faults[i].code, code) == 0)
			return &faults[i];
	return fault_of_status(status);
}

gboolean vk_s3_fail(const VkS3Call *call, VkErrorCode code, const char *text, GError **error)
{
	return vk_fail(error, code, "%s: cannot %s '%s': %s", call->s3->name, call->what,
		       call->name, text);
}

static gboolean fail_reply(const VkS3Call *call, const VkHttpReply *reply, const VkS3Error *said,
			   GError **error)
{
	const Fault *fault = find_fault(reply->status, said->code);
	const char *region = vk_http_reply_header(reply, "x-amz-bucket-region");
	g_autofree char *text = NULL;

	if (!region)
		region = said->region;
	if (region && reply->status / 100 != 2 && strcmp(region, call->s3->region) != 0)
		text = g_strdup_printf("it is in the region '%.64s', not '%s': set s3_region in "
				       "[vault]",
				       region, call->s3->region);
	else
		text = g_strdup_printf("%s (HTTP %u%s%s)",
				       fault ? fault->text : "the server refuses it", reply->status,
				       said->code ? ", " : "", said->code ? said->code : "");
	return vk_s3_fail(call, fault ? fault->error : VK_ERROR_FAILED, text, error);
}

static VkHttpOutcome judge_denial(VkS3Call *call, const VkHttpReply *reply, const VkS3Error *said,
				  GError **error)
{
	if (vk_s3_correct_clock(call, reply)) {
		vk_s3_fail(call, VK_ERROR_FAILED, "the clock of this host is wrong", error);
		return VK_HTTP_NOT_DONE;
	}
	if (g_strcmp0(said->code, "RequestTimeTooSkewed") == 0)
		vk_s3_fail(call, VK_ERROR_FAILED,
			   "the clocks of this host and of the server differ by too much: put "
			   "them right",
			   error);
	else
		fail_reply(call, reply, said, error);
	return VK_HTTP_REFUSED;
}

/* Keys for a short time are replaced where they were found. The answer to HEAD has no code. */
static gboolean may_have_expired(const VkS3Call *call, const VkHttpReply *reply,
				 const VkS3Error *said)
{
	return said->code ? strcmp(said->code, "ExpiredToken") == 0
			  : call->key->token && (reply->status == 400 || reply->status == 403);
}

/* The body was altered or cut on the way, or another request for the name is under way. */
static gboolean may_pass(const VkHttpReply *reply, const VkS3Error *said)
{
	static const char *const codes[] = {"RequestTimeout", "XAmzContentSHA256Mismatch",
					    "BadDigest",      "IncompleteBody",
					    "SlowDown",       NULL};

	return reply->status == 408 || reply->status == 409 ||
	       (said->code && g_strv_contains(codes, said->code));
}

static void note_reply(VkS3 *s3, guint status, gboolean has_condition)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&s3->mutex);

	if (status == 429 || status == 503)
		s3->slowed = g_get_monotonic_time();
	if (status == 501 && has_condition)
		s3->lacks_condition = TRUE;
}

/*
 * A part of an object ends before what was asked for where the object ends, and nowhere else. What
 * is cut short on the way is not damaged: it is asked for again.
 */
static VkHttpOutcome judge_part(VkS3Call *call, const VkHttpReply *reply, GError **error)
{
	guint64 total;

	if (reply->status != 206 || call->part_length == 0 || !vk_s3_total_size(reply, &total) ||
	    total <= call->offset || reply->text->len >= vk_s3_part_length(call, total))
		return VK_HTTP_DONE;
	vk_s3_fail(call, VK_ERROR_FAILED, "the server gives less than it has", error);
	return ++call->short_parts < SHORT_PARTS_MAX ? VK_HTTP_NOT_DONE : VK_HTTP_REFUSED;
}

VkHttpOutcome vk_s3_judge(const VkHttpReply *reply, gpointer data, GError **error)
{
	VkS3Call *call = data;
	VkHttpOutcome outcome = vk_http_outcome_of(reply->status);
	gboolean has_condition = call->is_new && !vk_s3_lacks_condition(call->s3);
	g_auto(VkS3Error) said = {0};

	note_reply(call->s3, reply->status, has_condition);
	if (outcome == VK_HTTP_DONE)
		return judge_part(call, reply, error);
	vk_s3_error_parse(reply->text->str, reply->text->len, &said);
	if (may_have_expired(call, reply, &said) && vk_s3_renew_key(call)) {
		fail_reply(call, reply, &said, error);
		return VK_HTTP_NOT_DONE;
	}
	if (reply->status == 403)
		return judge_denial(call, reply, &said, error);
	/* What is taken to be gone is collected: a proxy's 404 must not be taken for the server's.
	 */
	if (reply->status == 404 && strcmp(call->method, "HEAD") != 0 &&
	    g_strcmp0(said.code, "NoSuchKey") != 0 && g_strcmp0(said.code, "NoSuchBucket") != 0) {
		vk_s3_fail(call, VK_ERROR_FAILED, "what answers is no server of S3 (HTTP 404)",
			   error);
		return VK_HTTP_REFUSED;
	}
	fail_reply(call, reply, &said, error);
	if (reply->status == 501)
		return has_condition ? VK_HTTP_NOT_DONE : VK_HTTP_REFUSED;
	if (reply->status == 507)
		return VK_HTTP_REFUSED;
	return may_pass(reply, &said) ? VK_HTTP_NOT_DONE : outcome;
}
