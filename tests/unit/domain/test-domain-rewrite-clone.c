/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a clone shares with its original: of each kind of device one, what becomes of it, and what
 * is said of that.
 */
#include "domain-rewrite.h"
#include "domain.h"
#include "errors.h"

#include <check.h>
#include <string.h>

#define OLD_UUID "11111111-2222-4333-8444-555555555555"
#define NEW_UUID "99999999-8888-4777-8666-555555555555"

typedef struct Kind {
	const char *device;  /* in the original's <devices> */
	const char *lost;    /* of it in the clone there must not be this */
	const char *present; /* and there must be this; NULL: the device is gone */
	const char *note;    /* this is said; NULL: nothing is */
} Kind;

static const Kind kinds[] = {
	/* What the host has once. */
	{"<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='1' slot='0' "
	 "function='0'/></source></hostdev>",
	 "<hostdev", NULL, "host device pci 0000:01:00.0"},
	{"<hostdev mode='subsystem' type='usb'><source><vendor id='0x046d'/><product "
	 "id='0xc52b'/></source></hostdev>",
	 "<hostdev", NULL, "usb 046d:c52b"},
	{"<interface type='hostdev'><source><address type='pci' domain='0' bus='2' slot='0' "
	 "function='1'/></source></interface>",
	 "<interface", NULL, "pci 0000:02:00.1"},
	{"<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>", "<interface", NULL,
	 "vDPA device '/dev/vhost-vdpa-0'"},
	{"<interface type='vhostuser'><source type='unix' path='/run/vhu1' "
	 "mode='server'/></interface>",
	 "<interface", NULL, "vhost-user port '/run/vhu1'"},
	{"<interface type='direct'><source dev='ens1' mode='passthrough'/></interface>",
	 "<interface", NULL, "network device 'ens1'"},
	{"<interface type='server'><source address='10.0.0.1' port='5558'/></interface>",
	 "<interface", NULL, "port 5558"},
	{"<interface type='udp'><source address='10.0.0.1' port='1'><local address='10.0.0.2' "
	 "port='2'/></source></interface>",
	 "<interface", NULL, "network socket"},
	{"<tpm model='tpm-tis'><backend type='passthrough'><device "
	 "path='/dev/tpm0'/></backend></tpm>",
	 "<tpm", NULL, "/dev/tpm0"},
	{"<tpm model='tpm-tis'><backend type='external'><source type='unix' mode='connect' "
	 "path='/run/tpm.sock'/></backend></tpm>",
	 "<tpm", NULL, "/run/tpm.sock"},
	{"<smartcard mode='host'/>", "<smartcard", NULL, "smartcard"},
	{"<input type='evdev'><source dev='/dev/input/event1' grab='all'/></input>", "<input", NULL,
	 "/dev/input/event1"},
	{"<input type='passthrough' bus='virtio'><source evdev='/dev/input/event3'/></input>",
	 "<input", NULL, "/dev/input/event3"},
	{"<lease><lockspace>area</lockspace><key>somekey</key><target path='/l'/></lease>",
	 "<lease", NULL, "somekey"},
	{"<redirdev bus='usb' type='tcp'><source mode='bind' host='localhost' "
	 "service='4000'/></redirdev>",
	 "<redirdev", NULL, "localhost:4000"},
	/* What is the original's data. */
	{"<filesystem type='mount'><source dir='/srv/export'/><target dir='x'/></filesystem>",
	 "<filesystem", NULL, "shared directory /srv/export"},
	{"<filesystem type='mount'><driver type='virtiofs'/><source socket='/run/v.sock'/><target "
	 "dir='x'/></filesystem>",
	 "<filesystem", NULL, "/run/v.sock"},
	{"<memory model='nvdimm'><source><path>/srv/n.img</path></source></memory>", "<memory",
	 NULL, "/srv/n.img"},
	{"<shmem name='looking-glass'><model type='ivshmem-plain'/></shmem>", "<shmem", NULL,
	 "looking-glass"},
	/* Ports of the host behind the guest's own. */
	{"<serial type='dev'><source path='/dev/ttyS0'/><target port='0'/></serial>", "/dev/ttyS0",
	 "<serial type=\"pty\"><target", "serial on '/dev/ttyS0'"},
	{"<parallel type='dev'><source path='/dev/parport0'/><target port='0'/></parallel>",
	 "/dev/parport0", "<parallel type=\"pty\"", "parallel on '/dev/parport0'"},
	{"<serial type='pipe'><source path='/tmp/p'/><target port='0'/></serial>", "/tmp/p",
	 "type=\"pty\"", "'/tmp/p'"},
	{"<serial type='tcp'><source mode='bind' host='0.0.0.0' service='2445'/><protocol "
	 "type='telnet'/><target port='0'/></serial>",
	 "2445", "<serial type=\"pty\"><target", "0.0.0.0:2445"},
	{"<console type='tcp'><source mode='bind' host='127.0.0.1' service='2446'/><target "
	 "type='virtio' port='1'/></console>",
	 "2446", "type=\"pty\"", "127.0.0.1:2446"},
	{"<channel type='tcp'><source mode='bind' host='::1' service='7'/><target type='virtio' "
	 "name='x'/></channel>",
	 "::1", "type=\"pty\"", "::1:7"},
	{"<serial type='udp'><source mode='bind' host='0.0.0.0' service='98'/><source "
	 "mode='connect' "
	 "host='::1' service='99'/><target port='0'/></serial>",
	 "98", "type=\"pty\"", "serial on"},
	{"<rng model='virtio'><backend model='egd' type='udp'><source mode='bind' host='::1' "
	 "service='12'/></backend></rng>",
	 "<rng", NULL, "random"},
	/* Sockets and files get the clone's name. */
	{"<serial type='unix'><source mode='bind' path='/run/vm-orig.sock'/></serial>",
	 "vm-orig.sock", "path=\"/run/vm-copy.sock\"", NULL},
	{"<serial type='unix'><source mode='connect' path='/run/other.sock'/></serial>", "<tcp",
	 "/run/other.sock", "connects to '/run/other.sock'"},
	{"<serial type='file'><source path='/var/log/out'/><log "
	 "file='/var/log/orig.log'/></serial>",
	 "orig", "/var/log/out.copy", NULL},
	{"<channel type='unix'><source mode='bind' "
	 "path='/var/lib/libvirt/qemu/channel/target/domain-1-orig/a'/></channel>",
	 "domain-1", "<channel type=\"unix\"/>", NULL},
	{"<pstore backend='acpi-erst'><path>/var/lib/orig.raw</path></pstore>", "orig",
	 "<path>/var/lib/copy.raw</path>", NULL},
	{"<audio id='1' type='file' path='/var/tmp/orig.wav'/>", "orig", "/var/tmp/copy.wav", NULL},
	{"<interface type='user'><backend type='passt' logFile='/var/log/orig.log'/><portForward "
	 "proto='tcp'><range start='2222' to='22'/></portForward></interface>",
	 "portForward", "/var/log/copy.log", "forwarded"},
	/* Numbers become automatic. */
	{"<graphics type='vnc' port='5901' autoport='no'/>", "5901", "autoport=\"yes\"", NULL},
	{"<graphics type='vnc' port='5901'/>", "5901", "autoport=\"yes\"", NULL},
	{"<graphics type='spice' port='-1' tlsPort='5961' autoport='no'/>", "5961",
	 "autoport=\"yes\"", NULL},
	{"<graphics type='rdp' port='3389'/>", "3389", "autoport=\"yes\"", NULL},
	{"<graphics type='vnc' port='-1' autoport='yes' websocket='5700'/>", "5700",
	 "websocket=\"-1\"", NULL},
	{"<graphics type='vnc' socket='/run/orig.vnc'><listen type='socket' "
	 "socket='/run/orig.vnc'/></graphics>",
	 "orig.vnc", "socket=\"/run/copy.vnc\"", NULL},
	{"<graphics type='dbus' address='unix:path=/run/dbus/x'/>", "<graphics", NULL,
	 "unix:path=/run/dbus/x"},
	{"<vsock model='virtio'><cid auto='no' address='3'/></vsock>", "address=\"3\"",
	 "auto=\"yes\"", NULL},
	{"<interface type='bridge'><mac address='52:54:00:00:00:77'/><source bridge='br0'/><target "
	 "dev='tap7'/><filterref filter='f'><parameter name='MAC' value='52:54:00:00:00:77'/>"
	 "<parameter name='IP' value='10.0.0.7'/></filterref></interface>",
	 "52:54:00:00:00:77", "10.0.0.7", NULL},
	/* And what many can have stays. */
	{"<serial type='tcp'><source mode='connect' host='log.example' service='514'/></serial>",
	 "pty", "log.example", "serial connects to 'log.example:514'"},
	{"<redirdev bus='usb' type='tcp'><source mode='connect' host='usb.example' "
	 "service='4000'/></redirdev>",
	 "<x", "usb.example", "redirdev connects to 'usb.example:4000'"},
	{"<rng model='virtio'><backend model='egd' type='tcp'><source mode='connect' "
	 "host='rng.example' service='12'/></backend></rng>",
	 "<x", "rng.example", "random numbers connects to 'rng.example:12'"},
	{"<interface type='direct'><source dev='ens1' mode='bridge'/></interface>", "<x",
	 "mode=\"bridge\"", NULL},
	{"<interface type='mcast'><source address='230.0.0.1' port='5559'/></interface>", "<x",
	 "5559", NULL},
	{"<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>", "<x",
	 "/dev/urandom", NULL},
	{"<memory model='dimm'><target><size>1</size></target></memory>", "<x", "dimm", NULL},
	{"<input type='tablet' bus='usb'/>", "<x", "tablet", NULL},
	{"<smartcard mode='passthrough' type='spicevmc'/>", "<x", "spicevmc", NULL},
	{"<redirdev bus='usb' type='spicevmc'/>", "<x", "spicevmc", NULL},
	{"<graphics type='vnc' port='-1' autoport='yes'/>", "<x", "port=\"-1\"", NULL},
};

static char *definition(const char *devices, const char *more)
{
	return g_strdup_printf("<domain type='kvm' "
			       "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
			       "<name>orig</name><uuid>" OLD_UUID "</uuid>"
			       "<devices>%s</devices>%s</domain>",
			       devices, more);
}

static char *rewrite(const char *xml, gboolean is_clone, GPtrArray *notes)
{
	VkDomainChanges changes = {.notes = notes};
	g_autoptr(GError) error = NULL;
	char *text;

	if (is_clone)
		changes = (VkDomainChanges){.name = "copy",
					    .uuid = NEW_UUID,
					    .new_macs = TRUE,
					    .drop_channel_paths = TRUE,
					    .drop_passthrough = TRUE,
					    .notes = notes};
	text = vk_domain_rewrite(xml, &changes, &error);
	g_assert_no_error(error);
	return text;
}

static void assert_notes(const GPtrArray *notes, const char *word)
{
	ck_assert_msg(notes->len == (word ? 1 : 0), "%u notes: %s", notes->len,
		      notes->len ? (char *)notes->pdata[0] : "");
	if (word)
		ck_assert_msg(strstr(notes->pdata[0], word) != NULL, "no '%s' in: %s", word,
			      (char *)notes->pdata[0]);
}

START_TEST(a_clone_has_its_own_or_none)
{
	const Kind *kind = &kinds[_i];
	g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *xml = definition(kind->device, "");
	g_autofree char *text = rewrite(xml, TRUE, notes);
	const char *devices = strstr(text, "<devices");

	ck_assert_msg(!strstr(devices, kind->lost), "'%s' in: %s", kind->lost, devices);
	if (kind->present)
		ck_assert_msg(strstr(devices, kind->present) != NULL, "no '%s' in: %s",
			      kind->present, devices);
	else
		ck_assert_msg(g_str_has_prefix(devices, "<devices/>"), "%s", devices);
	assert_notes(notes, kind->note);
}
END_TEST

/* Under its own name a guest keeps all of it. */
START_TEST(the_same_guest_keeps_it)
{
	g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *xml = definition(kinds[_i].device, "");
	g_autofree char *text = rewrite(xml, FALSE, notes);
	g_autofree char *quoted = g_strdelimit(g_strdup(kinds[_i].device), "'", '"');

	ck_assert_msg(strstr(text, quoted) != NULL, "not '%s' in: %s", quoted, text);
}
END_TEST

/* ---- past libvirt ---- */

#define ARG(value)      "<qemu:arg value='" value "'/>"
#define COMMAND(values) "<qemu:commandline>" values "</qemu:commandline>"

static const struct {
	const char *arguments;
	const char *disk; /* a disk that is named; NULL: none is */
	const char
		*taken; /* the clone does not get the arguments, and this is why; NULL: it does */
} commands[] = {
	{COMMAND(ARG("-drive") ARG("file=/x.raw,if=virtio")), "-drive file=/x.raw,if=virtio",
	 "-drive file=/x.raw"},
	{COMMAND(ARG("--blockdev") ARG("driver=file,filename=/x,node-name=y")),
	 "--blockdev driver=file,filename=/x,node-name=y", "--blockdev"},
	{COMMAND(ARG("-hda") ARG("/x.img")), "-hda /x.img", "-hda"},
	{COMMAND(ARG("-drive") ARG("file=/x.iso,media=cdrom")), NULL, "-drive file=/x.iso"},
	{COMMAND(ARG("-chardev") ARG("socket,id=a,path=/run/a,server=on")), NULL, "/run/a"},
	{COMMAND(ARG("-monitor") ARG("unix:/run/m,server")), NULL, "unix:/run/m"},
	{COMMAND(ARG("-netdev") ARG("user,id=n,hostfwd=tcp::2222-:22")), NULL, "hostfwd"},
	{COMMAND(ARG("-device") ARG("vfio-pci,host=01:00.0")), NULL, "vfio-pci"},
	{COMMAND(ARG("-object") ARG("memory-backend-file,id=m,mem-path=/dev/shm/x")), NULL,
	 "mem-path"},
	{COMMAND(ARG("-s") ARG("-S")), NULL, "'-s'"},
	{COMMAND(ARG("-cpu") ARG("host,-hypervisor")), NULL, NULL},
	{COMMAND(ARG("-device") ARG("isa-debug-exit")), NULL, NULL},
	{COMMAND(ARG("-fw_cfg") ARG("name=opt/x,file=/etc/x.ign")), NULL, NULL},
	{COMMAND("") COMMAND(ARG("-drive") ARG("file=/y")), "-drive file=/y", "/y"},
	{COMMAND("<qemu:env name='drive' value='-drive'/>"), NULL, NULL},
	{"<commandline><arg value='-drive'/></commandline>", NULL, NULL},
};

START_TEST(arguments_to_qemu_are_told)
{
	g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *xml = definition("", commands[_i].arguments);
	g_autoptr(VkDomain) domain = vk_domain_parse(xml, NULL);
	g_autofree char *clone = rewrite(xml, TRUE, notes);
	g_autofree char *same = rewrite(xml, FALSE, NULL);

	ck_assert_uint_eq(domain->foreign->len, commands[_i].disk ? 1 : 0);
	if (commands[_i].disk)
		ck_assert_str_eq(domain->foreign->pdata[0], commands[_i].disk);
	assert_notes(notes, commands[_i].taken);
	ck_assert_int_eq(strstr(clone, "commandline") == NULL, commands[_i].taken != NULL);
	ck_assert_ptr_nonnull(strstr(same, "commandline"));
}
END_TEST

/* What belongs to the old network does not go along; each interface moves once. */
START_TEST(interfaces_leave_their_network_behind)
{
	g_autoptr(GArray) networks = g_array_new(FALSE, FALSE, sizeof(VkDomainNewNetwork));
	const VkDomainNewNetwork moves[] = {{"br0", "network", "br1"}, {"br1", NULL, "br0"}};
	g_autofree char *xml = definition(
		"<interface type='bridge'><source bridge='br0'/><virtualport "
		"type='openvswitch'/></interface>"
		"<interface type='network'><source network='br1' portgroup='p'/></interface>"
		"<interface type='direct'><source dev='br0'/></interface>",
		"");
	VkDomainChanges changes = {.networks = networks};
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;

	g_array_append_vals(networks, moves, G_N_ELEMENTS(moves));
	text = vk_domain_rewrite(xml, &changes, &error);
	g_assert_no_error(error);
	ck_assert_ptr_nonnull(strstr(
		text, "<devices><interface type=\"network\"><source network=\"br1\"/></interface>"
		      "<interface type=\"network\"><source network=\"br0\"/></interface>"
		      "<interface type=\"direct\"><source dev=\"br0\"/></interface></devices>"));
}
END_TEST

START_TEST(a_serial_number_that_is_the_uuid_changes_with_it)
{
	g_autofree char *xml = definition("", "<sysinfo type='smbios'><system>"
					      "<entry name='uuid'>" OLD_UUID "</entry>"
					      "<entry name='serial'>" OLD_UUID "</entry>"
					      "<entry name='product'>X</entry></system></sysinfo>");
	g_autofree char *text = rewrite(xml, TRUE, NULL);

	ck_assert_ptr_null(strstr(text, OLD_UUID));
	ck_assert_ptr_nonnull(strstr(text, "<entry name=\"serial\">" NEW_UUID "</entry>"));
	ck_assert_ptr_nonnull(strstr(text, "<entry name=\"product\">X</entry>"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("domain-rewrite-clone");
	TCase *tests = tcase_create("domain-rewrite-clone");

	tcase_add_loop_test(tests, a_clone_has_its_own_or_none, 0, G_N_ELEMENTS(kinds));
	tcase_add_loop_test(tests, the_same_guest_keeps_it, 0, G_N_ELEMENTS(kinds));
	tcase_add_loop_test(tests, arguments_to_qemu_are_told, 0, G_N_ELEMENTS(commands));
	tcase_add_test(tests, interfaces_leave_their_network_behind);
	tcase_add_test(tests, a_serial_number_that_is_the_uuid_changes_with_it);
	suite_add_tcase(suite, tests);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
