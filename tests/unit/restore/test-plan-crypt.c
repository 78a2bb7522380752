/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans for disks that QEMU had encrypted. */
#include "plan-bed.h"

#include "errors.h"

#include <string.h>

static void encrypt_with(const char *encryption)
{
	g_autofree char *disk = g_strdup_printf(
		"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
		"<source file='%s/web.qcow2'>%s</source><target dev='vda' bus='virtio'/></disk>",
		bed.dir, encryption);

	set_xml(disk);
}

static const char luks[] =
	"<encryption format='luks'><secret type='passphrase' uuid='aaa'/></encryption>";

START_TEST(it_is_encrypted_again)
{
	encrypt_with(luks);
	bed.facts.secret = "aaa";
	g_autoptr(VkRestorePlan) made = plan();

	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "?");
	ck_assert_ptr_nonnull(item_at(made, 0)->place.secret);
	ck_assert_ptr_nonnull(
		strstr(made->domain_xml, "<secret type=\"passphrase\" uuid=\"aaa\"/>"));
	ck_assert_uint_eq(made->notes->len, 0);
}
END_TEST

START_TEST(without_its_secret_it_is_refused)
{
	encrypt_with(luks);
	assert_refused(VK_ERROR_FAILED, "--decrypted");
	ck_assert_ptr_nonnull(strstr(bed.error->message, "no secret 'aaa'"));
}
END_TEST

START_TEST(another_sort_is_refused)
{
	encrypt_with("<encryption format='qcow'><secret type='passphrase' uuid='aaa'/>"
		     "</encryption>");
	bed.facts.secret = "aaa";
	assert_refused(VK_ERROR_FAILED, "--decrypted");
}
END_TEST

START_TEST(plain_text_is_asked_for_and_told)
{
	encrypt_with(luks);
	bed.options.decrypted = TRUE;
	g_autoptr(VkRestorePlan) made = plan();

	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "?");
	ck_assert_ptr_null(item_at(made, 0)->place.secret);
	ck_assert_ptr_null(strstr(made->domain_xml, "encryption"));
	ck_assert_uint_eq(made->notes->len, 1);
	ck_assert_ptr_nonnull(strstr(made->notes->pdata[0], "plain text"));
}
END_TEST

START_TEST(a_part_is_encrypted_again)
{
	encrypt_with(luks);
	bed.facts.secret = "aaa";
	set_list(&bed.options.disks, "vda=/nowhere-of-ours");
	g_autoptr(VkRestorePlan) made = plan();

	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "?");
	ck_assert_ptr_nonnull(item_at(made, 0)->place.secret);
}
END_TEST

/* A part of a snapshot goes under the definition that the guest has now. */
START_TEST(what_is_encrypted_no_more_is_refused)
{
	g_autofree char *disk = file_disk("vda", "web.qcow2");
	g_autofree char *now = domain_xml("web 1", disk);

	encrypt_with(luks);
	touch("web.qcow2");
	bed.facts.name = "web 1";
	bed.facts.uuid = UUID;
	bed.facts.xml = now;
	bed.facts.state = VK_GUEST_OFF;
	bed.facts.secret = "aaa";
	bed.options.in_place = TRUE;
	set_list(&bed.options.disks, "vda");
	assert_refused(VK_ERROR_FAILED, "is not encrypted in the present definition");
	ck_assert_ptr_nonnull(strstr(bed.error->message, "--decrypted"));
}
END_TEST

/* What comes back as one file would be plain text. */
START_TEST(an_encrypted_backing_file_counts)
{
	g_autofree char *disk = g_strdup_printf(
		"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
		"<source file='%s/web.qcow2'/><backingStore type='file'><format type='raw'/>"
		"<source file='/i/base.luks'>%s</source><backingStore/></backingStore>"
		"<target dev='vda' bus='virtio'/></disk>",
		bed.dir, luks);

	set_xml(disk);
	bed.options.decrypted = _i == 1;
	if (_i == 0) {
		assert_refused(VK_ERROR_FAILED, "--decrypted");
		return;
	}
	g_autoptr(VkRestorePlan) made = plan();
	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "?");
	ck_assert_ptr_nonnull(strstr(made->notes->pdata[0], "plain text"));
}
END_TEST

int main(void)
{
	const VkPlanTest tests[] = {
		{it_is_encrypted_again, 1},
		{without_its_secret_it_is_refused, 1},
		{another_sort_is_refused, 1},
		{plain_text_is_asked_for_and_told, 1},
		{a_part_is_encrypted_again, 1},
		{what_is_encrypted_no_more_is_refused, 1},
		{an_encrypted_backing_file_counts, 2},
	};

	return run_plan_loops("plan-crypt", tests, G_N_ELEMENTS(tests));
}
