/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host.h"

#include "errors.h"
#include "virt-priv.h"

#include <string.h>

#include <libvirt/virterror.h>

struct VkGuest {
	VkHost *host;
	char *name;
	char uuid[VIR_UUID_STRING_BUFLEN];
	GMutex lock;
	virDomainPtr domain; /* on the connection of GENERATION */
	guint generation;
};

VkGuest *vk_guest_new(VkHost *host, virDomainPtr domain, GError **error)
{
	g_autoptr(VkGuest) guest = g_new0(VkGuest, 1);

	g_mutex_init(&guest->lock);
	guest->host = vk_host_ref(host);
	guest->name = g_strdup(virDomainGetName(domain));
	if (virDomainGetUUIDString(domain, guest->uuid) < 0) {
		vk_fail_libvirt(error, "cannot get the UUID of guest '%s'", guest->name);
		return NULL;
	}
	return g_steal_pointer(&guest);
}

void vk_guest_free(VkGuest *guest)
{
	if (!guest)
		return;
	if (guest->domain)
		virDomainFree(guest->domain);
	vk_host_free(guest->host);
	g_mutex_clear(&guest->lock);
	g_free(guest->name);
	g_free(guest);
}

const char *vk_guest_name(const VkGuest *guest)
{
	return guest->name;
}

const char *vk_guest_uuid(const VkGuest *guest)
{
	return guest->uuid;
}

VkHost *vk_guest_host(const VkGuest *guest)
{
	return guest->host;
}

virDomainPtr vk_guest_domain(VkGuest *guest, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&guest->lock);
	g_autoptr(virConnect) connection = NULL;
	guint generation = 0;

	connection = vk_host_connection(guest->host, &generation, error);
	if (!connection)
		return NULL;
	if (guest->domain && guest->generation != generation)
		g_clear_pointer(&guest->domain, virDomainFree);
	if (!guest->domain) {
		guest->domain = virDomainLookupByUUIDString(connection, guest->uuid);
		guest->generation = generation;
		if (!guest->domain) {
			vk_fail_libvirt(error, "cannot look up guest '%s'", guest->name);
			return NULL;
		}
	}
	virDomainRef(guest->domain);
	return guest->domain;
}

/* What has come or gone in part. */
static gboolean is_between_hosts(int libvirt_state, int reason)
{
	if (libvirt_state == VIR_DOMAIN_PAUSED)
		return reason == VIR_DOMAIN_PAUSED_POSTCOPY ||
		       reason == VIR_DOMAIN_PAUSED_POSTCOPY_FAILED;
	return libvirt_state == VIR_DOMAIN_RUNNING &&
	       (reason == VIR_DOMAIN_RUNNING_POSTCOPY ||
		reason == VIR_DOMAIN_RUNNING_POSTCOPY_FAILED);
}

/* The source of a migration tells it by its job; of the destination no job can be told. */
static gboolean is_migrating(virDomainPtr domain)
{
	virTypedParameterPtr parameters = NULL;
	int type = VIR_DOMAIN_JOB_NONE, count = 0, operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;

	if (virDomainGetJobStats(domain, &type, &parameters, &count, 0) < 0)
		return virGetLastErrorCode() == VIR_ERR_OPERATION_UNSUPPORTED;
	virTypedParamsGetInt(parameters, count, VIR_DOMAIN_JOB_OPERATION, &operation);
	virTypedParamsFree(parameters, count);
	return operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT;
}

static VkGuestState state_of(int libvirt_state)
{
	switch (libvirt_state) {
	case VIR_DOMAIN_SHUTOFF:
		return VK_GUEST_OFF;
	case VIR_DOMAIN_RUNNING:
	case VIR_DOMAIN_BLOCKED:
	case VIR_DOMAIN_SHUTDOWN:
		return VK_GUEST_RUNNING;
	case VIR_DOMAIN_PAUSED:
		return VK_GUEST_PAUSED;
	case VIR_DOMAIN_PMSUSPENDED:
		return VK_GUEST_ASLEEP;
	default:
		return VK_GUEST_OTHER;
	}
}

gboolean vk_guest_get_state(VkGuest *guest, VkGuestState *ret, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	int state = 0, reason = 0;

	if (!domain)
		return FALSE;
	if (virDomainGetState(domain, &state, &reason, 0) < 0)
		return vk_fail_libvirt(error, "cannot get the state of guest '%s'", guest->name);
	/* A guest that was restored paused has that reason, too, until it runs. */
	if (is_between_hosts(state, reason) ||
	    (state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_MIGRATION &&
	     is_migrating(domain)))
		*ret = VK_GUEST_MIGRATING;
	else
		*ret = state_of(state);
	return TRUE;
}

gboolean vk_guest_is_stalled(VkGuest *guest)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, NULL);
	virDomainJobInfo info;

	return domain && virDomainGetJobInfo(domain, &info) < 0 &&
	       virGetLastErrorCode() == VIR_ERR_OPERATION_TIMEOUT;
}

const char *vk_guest_why_still(VkGuest *guest)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, NULL);
	int state = 0, reason = 0;

	if (!domain || virDomainGetState(domain, &state, &reason, 0) < 0)
		return "the guest was not running";
	if (state == VIR_DOMAIN_PMSUSPENDED)
		return "the guest is asleep (pmsuspended)";
	if (state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_IOERROR)
		return "an I/O error of a disk has stopped the guest ('virsh domblkerror' tells "
		       "which)";
	return "the guest was not running";
}

static const char *block_job_words(int type)
{
	switch (type) {
	case VIR_DOMAIN_BLOCK_JOB_TYPE_PULL:
		return "block pull";
	case VIR_DOMAIN_BLOCK_JOB_TYPE_COPY:
		return "block copy";
	case VIR_DOMAIN_BLOCK_JOB_TYPE_COMMIT:
	case VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT:
		return "block commit";
	default:
		return "block job";
	}
}

gboolean vk_guest_check_block_job(VkGuest *guest, const char *target, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	virDomainBlockJobInfo info = {0};
	gboolean may_pivot;

	if (!domain)
		return FALSE;
	/* Where libvirt cannot tell, the backup will. */
	if (virDomainGetBlockJobInfo(domain, target, &info, 0) != 1)
		return TRUE;
	may_pivot = info.cur == info.end && (info.type == VIR_DOMAIN_BLOCK_JOB_TYPE_COPY ||
					     info.type == VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT);
	return vk_fail(error, VK_ERROR_BUSY,
		       "guest '%s', disk '%s': somebody's %s runs on it; %s 'virsh blockjob %s %s "
		       "%s', and try again",
		       guest->name, target, block_job_words(info.type),
		       may_pivot ? "it is ready: end it with" : "wait for its end, or end it with",
		       guest->name, target, may_pivot ? "--pivot' or '--abort" : "--abort");
}

gboolean vk_guest_check_stays(VkGuest *guest, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	VkGuestState state = VK_GUEST_OTHER;

	if (!domain || !vk_guest_get_state(guest, &state, error))
		return FALSE;
	return (state != VK_GUEST_MIGRATING && !is_migrating(domain)) ||
	       vk_fail(error, VK_ERROR_BUSY,
		       "guest '%s' is being migrated; back it up when it has arrived", guest->name);
}

gboolean vk_guest_has_left(VkGuest *guest)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(virDomain) domain = vk_guest_domain(guest, &cause);
	int state = 0, reason = 0;

	if (domain && virDomainGetState(domain, &state, &reason, 0) == 0)
		return state == VIR_DOMAIN_SHUTOFF && reason == VIR_DOMAIN_SHUTOFF_MIGRATED;
	return domain ? virGetLastErrorCode() == VIR_ERR_NO_DOMAIN
		      : g_error_matches(cause, VK_ERROR, VK_ERROR_NOT_FOUND);
}

const char *vk_guest_state_name(VkGuestState state)
{
	switch (state) {
	case VK_GUEST_OFF:
		return "shut off";
	case VK_GUEST_RUNNING:
		return "running";
	case VK_GUEST_PAUSED:
		return "paused";
	case VK_GUEST_MIGRATING:
		return "migrating";
	case VK_GUEST_ASLEEP:
		return "pmsuspended";
	case VK_GUEST_OTHER:
		break;
	}
	return "other";
}

static char *get_xml(VkGuest *guest, virDomainPtr domain, unsigned int flags, GError **error)
{
	char *xml = virDomainGetXMLDesc(domain, flags);
	char *copy;

	if (!xml) {
		vk_fail_libvirt(error, "cannot get the definition of guest '%s'", guest->name);
		return NULL;
	}
	copy = g_strdup(xml);
	free(xml);
	return copy;
}

typedef struct FactsQuestion {
	VkGuest *guest;
	VkGuestFacts *facts;
} FactsQuestion;

static gboolean ask_facts(VkHost *host, gpointer data, GError **error)
{
	VkGuest *guest = ((FactsQuestion *)data)->guest;
	g_autoptr(VkGuestFacts) facts = g_new0(VkGuestFacts, 1);
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	unsigned int flags = VIR_DOMAIN_XML_SECURE;
	int autostart = 0, persistent;

	if (!domain || !vk_guest_get_state(guest, &facts->state, error))
		return FALSE;
	persistent = virDomainIsPersistent(domain);
	if (persistent < 0 || (persistent && virDomainGetAutostart(domain, &autostart) < 0))
		return vk_fail_libvirt(error, "cannot get the facts of guest '%s'", guest->name);
	facts->persistent = persistent > 0;
	facts->autostart = autostart > 0;
	if (facts->persistent && facts->state == VK_GUEST_OFF)
		facts->has_saved_memory = virDomainHasManagedSaveImage(domain, 0) > 0;
	if (facts->persistent)
		flags |= VIR_DOMAIN_XML_INACTIVE;
	facts->domain_xml = get_xml(guest, domain, flags, error);
	if (!facts->domain_xml)
		return FALSE;
	if (facts->state != VK_GUEST_OFF) {
		facts->live_xml = get_xml(guest, domain, VIR_DOMAIN_XML_SECURE, error);
		if (!facts->live_xml)
			return FALSE;
	}
	((FactsQuestion *)data)->facts = g_steal_pointer(&facts);
	return TRUE;
}

VkGuestFacts *vk_guest_get_facts(VkGuest *guest, GError **error)
{
	FactsQuestion question = {.guest = guest};

	return vk_host_ask(guest->host, ask_facts, &question, error) ? question.facts : NULL;
}

void vk_guest_facts_free(VkGuestFacts *facts)
{
	if (!facts)
		return;
	g_free(facts->domain_xml);
	g_free(facts->live_xml);
	g_free(facts);
}

gboolean vk_guest_disk_size(VkGuest *guest, const char *target, guint64 *ret_size,
			    guint64 *ret_allocation, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);
	virDomainBlockInfo info;

	if (!domain)
		return FALSE;
	if (virDomainGetBlockInfo(domain, target, &info, 0) < 0)
		return vk_fail_libvirt(error, "cannot get the size of disk '%s' of guest '%s'",
				       target, guest->name);
	*ret_size = info.capacity;
	*ret_allocation = info.allocation;
	return TRUE;
}

gboolean vk_guest_set_autostart(VkGuest *guest, gboolean autostart, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);

	if (!domain)
		return FALSE;
	if (virDomainSetAutostart(domain, autostart) < 0)
		return vk_fail_libvirt(error, "cannot set the autostart of guest '%s'",
				       guest->name);
	return TRUE;
}

gboolean vk_guest_start(VkGuest *guest, GError **error)
{
	g_autoptr(virDomain) domain = vk_guest_domain(guest, error);

	if (!domain)
		return FALSE;
	if (virDomainCreate(domain) < 0)
		return vk_fail_libvirt(error, "cannot start guest '%s'", guest->name);
	return TRUE;
}
