/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All keys that the guides of Snap Creator 4.3 name, with an answer to each. */
#include "import-priv.h"
#include "settings.h"

#include <string.h>

#define TAKEN       VK_IMPORT_TAKEN
#define NOT_NEEDED  VK_IMPORT_NOT_NEEDED
#define UNSUPPORTED VK_IMPORT_UNSUPPORTED

static const char clones[] = "no volumes are cloned: 'virtkeep mount' shows all snapshots, "
			     "'virtkeep restore --as' makes a guest beside the original";
static const char clone_command[] = "no volumes are cloned: run it yourself after 'virtkeep mount' "
				    "or 'virtkeep restore --as'";
static const char found_volumes[] = "the volumes are found from the guests' disks at each backup";
static const char found_relations[] = "the relationships are found from the volumes";
static const char freeze_hook[] =
	"put it into a freeze hook in the guest, see contrib/freeze-hooks";
static const char secondary[] = "the SnapMirror policy of the relationship keeps the secondary "
				"copies: give its rule for this label the number";
static const char throttle[] = "set the throttle of the relationship itself, with 'snapmirror "
			       "modify -throttle'";
static const char forced[] = "what something depends on is never deleted: remove its clones first";
static const char foreign[] = "snapshots of others hold guests that nobody has quiesced";
static const char found_qtrees[] = "the relationships are found from the volumes, whole ones";
static const char cascade[] =
	"only the relationships of the guests' own volumes are updated: let the "
	"array's schedule update the relationships beyond";
static const char plugin_step[] = "the KVM plug-in had no such step";
static const char held_before[] = "runs before the guest is held, not while";
static const char held_after[] = "runs when the guest goes on, not while it is held";
static const char each_guest[] = "runs for each guest, not once for all";

static const VkImportRow rows[] = {
	/* the KVM plug-in */
	{"KVM_VM_MAPPING", TAKEN, "host", .convert = vk_import_convert_plain,
	 .why = "'virtkeep discover --write' keeps it"},
	{"KVM_VM_CONFIG_DIR", TAKEN, "host", .convert = vk_import_convert_plain,
	 .why = "libvirt is asked for the definitions, the directory is not read"},
	{"KVM_RESTORE_VM_LIST", TAKEN, "restore", .convert = vk_import_convert_list},
	{"KVM_CMD_RETRY_COUNT", TAKEN, "backup", .convert = vk_import_convert_plain},
	{"SC_AGENT_TIMEOUT", TAKEN, "backup", .convert = vk_import_convert_plain},
	{"APP_NAME", UNSUPPORTED, .off = "kvm",
	 .why = "only guests are backed up; bring their applications in order by freeze hooks in "
		"the guests, see contrib/freeze-hooks"},
	{"APP_DEFINED_RESTORE", TAKEN, "restore", .convert = vk_import_convert_plain},
	{"APP_DEFINED_BACKUP", NOT_NEEDED, .why = plugin_step},
	{"APP_DEFINED_MOUNT", NOT_NEEDED, .why = plugin_step},
	{"APP_DEFINED_UMOUNT", NOT_NEEDED, .why = plugin_step},
	{"APP_DEFINED_CLONE", NOT_NEEDED, .why = plugin_step},
	{"APP_IGNORE_ERROR", NOT_NEEDED,
	 .why = "the failure of one guest never stops the others; 'backup --strict' fails a guest "
		"that was not held as asked for"},
	{"APP_AUTO_DISCOVERY", NOT_NEEDED, .why = "each backup looks for itself"},
	{"APP_CONF_PERSISTENCE", NOT_NEEDED, .why = "that is 'virtkeep discover --write'"},
	{"FS_NAME", NOT_NEEDED, .why = "the guests' agents freeze their file systems"},
	{"VALIDATE_VOLUMES", NOT_NEEDED, .why = found_volumes},
	{"META_DATA_VOLUME", UNSUPPORTED,
	 .why = "definitions are part of every snapshot; for a volume that no guest lies on, call "
		"your own program in [hooks] POST_APP_UNQUIESCE_CMDnn"},
	{"FEDERATED_APPLICATIONS", UNSUPPORTED,
	 .why = "import each of its configurations; freeze hooks in the guests bring applications "
		"in order, 'backup --group' takes several guests at one instant"},

	/* snapshots */
	{"SNAME", NOT_NEEDED, .why = "snapshots are named GUEST@TIME"},
	{"SNAP_TIMESTAMP_ONLY", NOT_NEEDED, .why = "snapshots are named GUEST@TIME"},
	{"ALLOW_DUPLICATE_SNAME", NOT_NEEDED, .why = "snapshots are named GUEST@TIME"},
	{"VOLUMES", NOT_NEEDED, .why = found_volumes},
	{"VOLUMES_nn", NOT_NEEDED, .why = found_volumes},
	{"VOLUME_GROUPS", NOT_NEEDED,
	 .why = "the volumes are found from the guests' disks; 'backup --group GUEST...' takes "
		"several guests at one instant"},
	{"NTAP_SNAPSHOT_RETENTIONS", TAKEN, "array", .convert = vk_import_convert_retentions},
	{"NTAP_SNAPSHOT_RETENTION_AGE", TAKEN, "array", .convert = vk_import_convert_plain},
	{"NTAP_SNAPSHOT_NODELETE", TAKEN, "array", .convert = vk_import_convert_plain},
	{"NTAP_SNAPSHOT_DELETE_BY_AGE_ONLY", UNSUPPORTED, .off = "N",
	 .why = "age alone never deletes, so that a host that was off keeps its snapshots: give "
		"numbers in NTAP_SNAPSHOT_RETENTIONS"},
	{"NTAP_SNAPSHOT_DEPENDENCY_IGNORE", UNSUPPORTED, .off = "N", .why = forced},
	{"CMODE_SNAPSHOT_FORCE_DELETE", UNSUPPORTED, .off = "N", .why = forced},
	{"NTAP_SNAPSHOT_CLEANUP", NOT_NEEDED, .why = "a failed backup leaves no snapshot"},
	{"NTAP_SNAPSHOT_DISABLE", UNSUPPORTED, .off = "N",
	 .why = "a backup without snapshots on the array is 'backup --mode vault'"},
	{"NTAP_SNAPSHOT_RESTORE_AUTO_DETECT", NOT_NEEDED,
	 .why = "guests and files are restored, never whole volumes"},
	{"NTAP_SNAPSHOT_CREATE_CMDnn", UNSUPPORTED,
	 .why = "virtkeep takes the snapshots itself; call other programs in [hooks]"},
	{"NTAP_SNAPSHOT_DELETE_CMD", UNSUPPORTED,
	 .why = "virtkeep deletes the snapshots itself; call other programs in [hooks]"},
	{"NTAP_SNAPSHOT_DELETE_CMDnn", UNSUPPORTED,
	 .why = "virtkeep deletes the snapshots itself; call other programs in [hooks]"},
	{"SNAPDRIVE", NOT_NEEDED, .why = "the array is asked itself, by its REST interface"},
	{"SNAPDRIVE_DISCOVERY", NOT_NEEDED, .why = found_volumes},
	{"NTAP_USE_EXTERNAL_SNAPSHOT", UNSUPPORTED, .off = "N", .why = foreign},
	{"NTAP_EXTERNAL_SNAPSHOT_REGEX", NOT_NEEDED, .why = foreign},
	{"NTAP_CONSISTENCY_GROUP_SNAPSHOT", NOT_NEEDED,
	 .why = "all volumes of a run are taken at one instant where the array can"},
	{"NTAP_CONSISTENCY_GROUP_SNAPSHOT_RETRY_COUNT", NOT_NEEDED,
	 .why = "guests are not held for tries; [backup] pause_budget bounds the wait"},
	{"NTAP_CONSISTENCY_GROUP_SNAPSHOT_RETRY_WAIT", NOT_NEEDED,
	 .why = "guests are not held for tries; [backup] pause_budget bounds the wait"},
	{"NTAP_CONSISTENCY_GROUP_TIMEOUT", NOT_NEEDED,
	 .why = "[backup] pause_budget bounds the wait"},
	{"NTAP_CONSISTENCY_GROUP_WAFL_SYNC", NOT_NEEDED, .why = "ONTAP sees to that itself"},

	/* logins */
	{"NTAP_USERS", TAKEN, .is_secret = TRUE, .convert = vk_import_convert_users},
	{"CMODE_CLUSTER_USERS", TAKEN, .is_secret = TRUE, .convert = vk_import_convert_users},
	{"CMODE_CLUSTER_NAME", NOT_NEEDED, .why = "the url of an array says where it is"},
	{"CMODE_SET", UNSUPPORTED, .off = "Y",
	 .why = "arrays in 7-Mode cannot be asked: ONTAP 9.11.1 or newer is needed"},
	{"NTAP_PWD_PROTECTION", NOT_NEEDED, .why = "passwords are in files that only root reads"},
	{"TRANSPORT", TAKEN, .convert = vk_import_convert_transport},
	{"PORT", TAKEN, .convert = vk_import_convert_port},
	{"NTAP_TIMEOUT", TAKEN, .convert = vk_import_convert_timeout},
	{"MANAGEMENT_INTERFACES", TAKEN, .convert = vk_import_convert_interfaces},
	{"SECONDARY_INTERFACES", NOT_NEEDED, .why = found_relations},
	{"ALLOW_IP_ADDR", NOT_NEEDED, .why = "a url takes names and addresses"},
	{"USE_PROXY", UNSUPPORTED, .off = "N",
	 .why = "each array is asked itself: give it a section [array NAME] with a login"},
	{"VFILERS", UNSUPPORTED,
	 .why = "vFiler units are of 7-Mode: ONTAP 9.11.1 or newer is needed"},

	/* replication */
	{"NTAP_SNAPMIRROR_UPDATE", TAKEN, "array", .convert = vk_import_convert_larger},
	{"NTAP_SNAPMIRROR_WAIT", TAKEN, "array", .convert = vk_import_convert_larger},
	{"NTAP_SNAPMIRROR_USE_SNAPSHOT", NOT_NEEDED, .why = "the new snapshot is transferred"},
	{"NTAP_SNAPMIRROR_MAX_TRANSFER", UNSUPPORTED, .why = throttle},
	{"NTAP_SNAPMIRROR_CASCADING_UPDATE", UNSUPPORTED, .off = "N", .why = cascade},
	{"SNAPMIRROR_CASCADING_VOLUMES", NOT_NEEDED, .why = cascade},
	{"SNAPMIRROR_QTREE_INCLUDE", NOT_NEEDED, .why = found_qtrees},
	{"SNAPVAULT_QTREE_INCLUDE", NOT_NEEDED, .why = found_qtrees},
	{"SNAPMIRROR_VOLUMES", NOT_NEEDED, .why = found_relations},
	{"NTAP_SNAPVAULT_UPDATE", TAKEN, "array", "NTAP_SNAPMIRROR_UPDATE",
	 .convert = vk_import_convert_larger, .why = "mirrors and vaults are updated alike"},
	{"NTAP_SNAPVAULT_WAIT", TAKEN, "array", "NTAP_SNAPMIRROR_WAIT",
	 .convert = vk_import_convert_larger, .why = "mirrors and vaults are waited for alike"},
	{"NTAP_SNAPVAULT_RESTORE_WAIT", NOT_NEEDED, .why = "a restore always waits"},
	{"NTAP_SNAPVAULT_MAX_TRANSFER", UNSUPPORTED, .why = throttle},
	{"NTAP_SNAPVAULT_SNAPSHOT", NOT_NEEDED, .why = "the new snapshot is transferred"},
	{"NTAP_SNAPVAULT_RETENTIONS", UNSUPPORTED, .why = secondary},
	{"NTAP_SNAPVAULT_RETENTION_AGE", UNSUPPORTED, .why = secondary},
	{"NTAP_SNAPVAULT_NODELETE", UNSUPPORTED, .off = "N", .why = secondary},
	{"SNAPVAULT_VOLUMES", NOT_NEEDED, .why = found_relations},
	{"NTAP_ALLOW_MIRRORVAULT_AS_MIRROR", NOT_NEEDED,
	 .why = "mirrors and vaults are updated alike"},

	/* the agent */
	{"SC_AGENT", NOT_NEEDED, .why = "there is no agent: virtkeep runs on the host itself"},
	{"SC_AGENT_nn", NOT_NEEDED, .why = "there is no agent: virtkeep runs on each host itself"},
	{"SC_AGENT_UNQUIESCE_TIMEOUT", NOT_NEEDED,
	 .why = "the guard lets guests go on after [backup] pause_budget"},
	{"SC_AGENT_WATCHDOG_ENABLE", NOT_NEEDED,
	 .why = "the guard lets guests go on after [backup] pause_budget"},
	{"SC_AGENT_LOG_ENABLE", NOT_NEEDED, .why = "there is no agent"},
	{"SC_TMP_DIR", NOT_NEEDED, .why = "see [backup] scratch_dir and run_dir"},

	/* commands */
	{"PRE_APP_QUIESCE_CMDnn", TAKEN, "hooks", .convert = vk_import_convert_hook,
	 .why = each_guest},
	{"POST_APP_QUIESCE_CMDnn", TAKEN, "hooks", .convert = vk_import_convert_hook,
	 .why = held_before},
	{"POST_APP_QUIESCECMDnn", TAKEN, "hooks", "POST_APP_QUIESCE_CMD",
	 .convert = vk_import_convert_hook, .why = held_before},
	{"PRE_NTAP_CMDnn", TAKEN, "hooks", .convert = vk_import_convert_hook, .why = held_before},
	{"PRE_APP_UNQUIESCE_CMDnn", TAKEN, "hooks", .convert = vk_import_convert_hook,
	 .why = held_after},
	{"POST_APP_UNQUIESCE_CMDnn", TAKEN, "hooks", .convert = vk_import_convert_hook,
	 .why = each_guest},
	{"POST_NTAP_DATA_TRANSFER_CMDnn", TAKEN, "hooks", .convert = vk_import_convert_hook,
	 .why = each_guest},
	{"POST_NTAP_CMDnn", TAKEN, "hooks", .convert = vk_import_convert_hook, .why = each_guest},
	{"PRE_EXIT_CMDnn", TAKEN, "hooks", .convert = vk_import_convert_hook,
	 .why = "runs for each guest that fails; Snap Creator passed it over with APP_NAME"},
	{"PRE_RESTORE_CMDnn", UNSUPPORTED, .why = "run it yourself before 'virtkeep restore'"},
	{"POST_RESTORE_CMDnn", UNSUPPORTED, .why = "run it yourself after 'virtkeep restore'"},
	{"PRE_CLONE_CREATE_CMDnn", UNSUPPORTED, .why = clone_command},
	{"POST_CLONE_CREATE_CMDnn", UNSUPPORTED, .why = clone_command},
	{"PRE_NTAP_CLONE_DELETE_CMDnn", UNSUPPORTED, .why = clone_command},
	{"APP_QUIESCE_CMDnn", UNSUPPORTED, .why = freeze_hook},
	{"APP_UNQUIESCE_CMDnn", UNSUPPORTED, .why = freeze_hook},
	{"ARCHIVE_CMDnn", UNSUPPORTED, .why = "archive logs are the database's own business"},
	{"MOUNT_CMDnn", UNSUPPORTED, .why = clone_command},
	{"UMOUNT_CMDnn", UNSUPPORTED, .why = clone_command},

	/* clones */
	{"NTAP_VOL_CLONE_RESERVE", NOT_NEEDED, .why = clones},
	{"NTAP_NUM_VOL_CLONES", NOT_NEEDED, .why = clones},
	{"NTAP_NFS_EXPORT_HOST", NOT_NEEDED, .why = clones},
	{"NTAP_NFS_EXPORT_ACCESS", NOT_NEEDED, .why = clones},
	{"NTAP_NFS_EXPORT_PERSISTENT", NOT_NEEDED, .why = clones},
	{"NTAP_CLONE_IGROUP_MAP", NOT_NEEDED, .why = clones},
	{"NTAP_CLONE_FOR_BACKUP", NOT_NEEDED, .why = clones},
	{"NTAP_CLONE_SECONDARY", NOT_NEEDED, .why = clones},
	{"NTAP_CLONE_SECONDARY_VOLUMES", NOT_NEEDED, .why = clones},
	{"NTAP_LUN_CLONE_RESERVATION", NOT_NEEDED, .why = clones},
	{"NTAP_CIFS_EXPORT_ENABLE", NOT_NEEDED, .why = clones},
	{"SC_CLONE_TARGET", NOT_NEEDED, .why = clones},
	{"APP_CLONE_FOLLOW_UP_CMDnn", UNSUPPORTED, .why = clone_command},

	/* logs and messages */
	{"LOG_NUM", NOT_NEEDED, .why = "the journal keeps the log"},
	{"LOG_TRACE_ENABLE", NOT_NEEDED, .why = "'virtkeep -v' shows more"},
	{"CONFIG_TYPE", NOT_NEEDED, .why = "there is one sort of configuration"},
	{"SNAPCREATOR_MISSEDJOB_RUN", NOT_NEEDED,
	 .why = "virtkeep-backup.timer makes up for a night that was missed"},
	{"USE_GLOBAL_CONFIG", NOT_NEEDED, .convert = vk_import_convert_global},
	{"SENDTRAP", UNSUPPORTED,
	 .why = "call it in [hooks] PRE_EXIT_CMDnn, with $VIRTKEEP_ERROR for %MSG"},
	{"FAILURE_MSG", NOT_NEEDED, .why = "hooks get the error in $VIRTKEEP_ERROR"},
	{"SUCCESS_TRAP", UNSUPPORTED,
	 .why = "call it in [hooks] POST_NTAP_CMDnn, with $VIRTKEEP_SNAPSHOT for %SUCCESS_MSG"},
	{"SUCCESS_MSG", NOT_NEEDED, .why = "hooks get the snapshot in $VIRTKEEP_SNAPSHOT"},
	{"NTAP_ASUP_ERROR_ENABLE", UNSUPPORTED, .off = "N",
	 .why = "failures are not reported to arrays; see the journal, or report them in a hook"},
};

/* Keys with the answer of a row that has none of its own; what they hold may be secret. */
typedef struct Family {
	VkImportRow row;
	const char *names; /* separated by spaces */
} Family;

static const Family families[] = {
	{{.verdict = UNSUPPORTED,
	  .off = "N",
	  .is_secret = TRUE,
	  .why = "archive logs are the database's own business"},
	 "ARCHIVE_LOG_ENABLE ARCHIVE_LOG_ONLY"},
	{{.verdict = UNSUPPORTED,
	  .off = "N",
	  .is_secret = TRUE,
	  .why = "Open Systems SnapVault is not driven: the vault is where copies of guests go"},
	 "NTAP_OSSV_ENABLE"},
	{{.verdict = UNSUPPORTED,
	  .off = "N",
	  .is_secret = TRUE,
	  .why = "data sets of a management console are not updated: SnapMirror relationships are, "
		 "by "
		 "[array] NTAP_SNAPMIRROR_UPDATE"},
	 "NTAP_PM_UPDATE NTAP_PM_RUN_BACKUP"},
	{{.verdict = UNSUPPORTED,
	  .off = "N",
	  .is_secret = TRUE,
	  .why = "nothing is reported to a management console: call it in [hooks]"},
	 "OM_EVENT_GENERATE"},
	{{.verdict = NOT_NEEDED,
	  .is_secret = TRUE,
	  .why = "belongs to a feature that another key switches on; see that key"},
	 "ARCHIVE_LOG_DIR ARCHIVE_LOG_EXT ARCHIVE_LOG_RECURSIVE_SEARCH ARCHIVE_LOG_RETENTION "
	 "NTAP_DFM_DATA_SET NTAP_DFM_SNAPSHOT_FORMAT NTAP_OSSV_FS_SNAPSHOT "
	 "NTAP_OSSV_FS_SNAPSHOT_CREATE_CMD NTAP_OSSV_HOMEDIR OM_HOST OM_PORT OM_PWD OM_USER"},
	{{.verdict = NOT_NEEDED,
	  .is_secret = TRUE,
	  .why = "there is neither a server nor an agent"},
	 "AUTHORIZED_HOSTS CONTEXT_LIFETIME_IN_MSEC DEFAULT_PORT ENABLE_SECURITY_PROTOCOL_TLS_V1 "
	 "KEYSTORE_FILE KEYSTORE_PASS OPERATION_TIMEOUT_IN_MSEC SNAPCREATOR_JOB_MONITOR_SIZE "
	 "SNAPCREATOR_KEYSTORE_PASS SNAPCREATOR_KEYSTORE_PATH SNAPCREATOR_PASS "
	 "SNAPCREATOR_STARTUP_PORT SNAPCREATOR_STORAGE_URL SNAPCREATOR_USER "
	 "VSERVER_TUNNEL_ENABLED"},
	{{.verdict = NOT_NEEDED,
	  .is_secret = TRUE,
	  .why = "no programs are run as plug-ins; [hooks] names commands"},
	 "JAVA_CLASSPATH JAVA_HOME JVM_ARGS PERL_HOME PERL_OPTS PYTHON_HOME PYTHON_OPTS"},
	{{.verdict = NOT_NEEDED,
	  .is_secret = TRUE,
	  .why = "belongs to another plug-in; see APP_NAME"},
	 "CNTL_FILE_BACKUP_DIR DB2_CMD DB2_DATABASES DBMCLICMD DOMINO_CHANGE_INFO_PATH "
	 "DOMINO_DATABASE_TYPE DOMINO_DATA_PATH DOMINO_INI_PATH DOMINO_RESTORE_DATA_PATH "
	 "HANA_FILE_BACKUP_ENABLE HANA_FILE_BACKUP_PATH HANA_FILE_BACKUP_PREFIX HANA_HDBSQL_CMD "
	 "HANA_INSTANCE HANA_INTEGRITY_CHECK_ENABLE HANA_LOG_CLEANUP_ENABLE "
	 "HANA_MULTITENANT_DATABASE HANA_NODES HANA_OSDB_USER HANA_PASSWORD HANA_SID "
	 "HANA_TEMP_FILE_BACKUP_PATH HANA_USERSTORE_KEYS HANA_USER_NAME HANDLE_LOGWRITER HOST "
	 "LOTUS "
	 "MASTER_SLAVE MAXDB_BACKUP_TEMPLATES MAXDB_BG_SERVER_PREFIX MAXDB_CHECK_SNAPSHOT_DIR "
	 "MAXDB_DATABASES MAXDB_UPDATE_HIST_LOG MYSQL_DATABASES Notes_ExecDirectory "
	 "ORACLE_BACKUPMODE ORACLE_DATABASES ORACLE_EXPORT_PARAMETERS ORACLE_HOME ORACLE_HOME_SID "
	 "ORACLE_SHUTDOWNABORT ORACLE_SID ORA_TEMP PORTS PURGE_BINARY_LOG SME_BACKUP_OPTIONS "
	 "SME_PS_CONF SME_SERVER_NAME SMSQL_BACKUP_OPTIONS SMSQL_PS_CONF SMSQL_SERVER_NAME "
	 "SQLCLICMD "
	 "SQLPLUS_CMD SYBASE SYBASE_DATABASES SYBASE_DATABASES_EXCLUDE SYBASE_EXCLUDE_TEMPDB "
	 "SYBASE_ISQL_CMD SYBASE_LOGDIR SYBASE_MANIFEST SYBASE_MANIFEST_DELETE "
	 "SYBASE_MANIFEST_FORMAT SYBASE_SERVER SYBASE_TRAN_DUMP SYBASE_TRAN_DUMP_COMPRESS "
	 "SYBASE_TRAN_DUMP_FORMAT SYBASE_USER VALIDATE_DOMINO_DATA_PATH "
	 "VIBE_DYNAMIC_VOLUMES_UPDATE "
	 "VIBE_IGNORE_EXPORTFS VIBE_NOPING VIBE_RESTORE_INTERVAL VIBE_RESTORE_TIME "
	 "VIBE_TRIM_VSPHERE_NAMES VIBE_VCENTER_PASSWD VIBE_VCENTER_USER VIBE_VCLOUD_IPADDR "
	 "VIBE_VCLOUD_NAMES VIBE_VCLOUD_PASSWD VIBE_VCLOUD_USER VIBE_VMWARE_SNAPSHOT "
	 "VIBE_VSPHERE_NAMES XEN_BIN_PATH XEN_HOST_USERS XEN_METADATA_PATH XEN_RESTORE_VMS XEN_VMS "
	 "XUSER_ENABLE"},
};

static const VkImportRow *find_in_families(const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(families); i++) {
		g_auto(GStrv) names = g_strsplit(families[i].names, " ", -1);

		if (g_strv_contains((const char *const *)names, name))
			return &families[i].row;
	}
	return NULL;
}

const VkImportRow *vk_import_find_row(const char *key)
{
	g_autofree char *name = vk_import_full_name(key);

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		if (vk_key_matches(rows[i].name, name))
			return &rows[i];
	return find_in_families(name);
}
