/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-image.h"

#include "domain-priv.h"

void vk_domain_image_free(VkDomainImage *image)
{
	if (!image)
		return;
	g_free(image->type);
	g_free(image->format);
	g_free(image->path);
	g_free(image->data_file);
	g_free(image->secret_uuid);
	g_free(image->secret_usage);
	g_free(image->pool);
	g_free(image->volume);
	g_free(image->protocol);
	g_free(image->name);
	g_free(image->host);
	g_free(image->passed);
	g_free(image);
}

static char *first_host(const xmlNode *source)
{
	const xmlNode *host = vk_xml_child(source, "host");
	g_autofree char *name = vk_xml_attribute(host, "name");
	g_autofree char *port = vk_xml_attribute(host, "port");

	if (!name)
		return vk_xml_attribute(host, "socket");
	return port ? g_strdup_printf("%s:%s", name, port) : g_steal_pointer(&name);
}

static char *passed_through(const char *type, const xmlNode *source)
{
	if (g_str_equal(type, "dir"))
		return vk_xml_attribute(source, "dir");
	if (g_str_equal(type, "nvme"))
		return vk_pci_address(vk_xml_child(source, "address"));
	if (g_str_equal(type, "vhostuser"))
		return vk_xml_attribute(source, "path");
	return vk_xml_attribute(source, "dev");
}

/* Where the data of a qcow2 image is declared to be. New string. */
static char *data_file_of(const xmlNode *source)
{
	const xmlNode *store = vk_xml_child(source, "dataStore");
	const xmlNode *place = vk_xml_child(store, "source");
	char *file = vk_xml_attribute(place, "file");

	return file ? file : vk_xml_attribute(place, "dev");
}

/*
 * Other sorts than LUKS by QEMU, or with more than a secret, are out of the tools' reach. The last
 * word on an image holds.
 */
void vk_image_parse_encryption(VkDomainImage *image, const xmlNode *node)
{
	const xmlNode *secret = vk_xml_child(node, "secret");

	if (!node)
		return;
	image->encrypted = TRUE;
	g_clear_pointer(&image->secret_uuid, g_free);
	g_clear_pointer(&image->secret_usage, g_free);
	if (!vk_xml_attribute_is(node, "format", "luks") || vk_xml_next(secret, "secret") ||
	    vk_xml_attribute_is(node, "engine", "librbd"))
		return;
	image->secret_uuid = vk_xml_attribute(secret, "uuid");
	if (!image->secret_uuid)
		image->secret_usage = vk_xml_attribute(secret, "usage");
}

VkDomainImage *vk_image_parse(const xmlNode *source, const char *type)
{
	g_autoptr(VkDomainImage) image = g_new0(VkDomainImage, 1);
	const char *naming;

	image->type = g_strdup(type ? type : "file");
	if (g_str_equal(image->type, "file")) {
		naming = image->path = vk_xml_attribute(source, "file");
	} else if (g_str_equal(image->type, "block")) {
		naming = image->path = vk_xml_attribute(source, "dev");
	} else if (g_str_equal(image->type, "volume")) {
		image->volume = vk_xml_attribute(source, "volume");
		naming = image->pool = vk_xml_attribute(source, "pool");
	} else if (g_str_equal(image->type, "network")) {
		image->name = vk_xml_attribute(source, "name");
		image->host = first_host(source);
		naming = image->protocol = vk_xml_attribute(source, "protocol");
	} else {
		naming = image->passed = passed_through(image->type, source);
	}
	image->data_file = data_file_of(source);
	vk_image_parse_encryption(image, vk_xml_child(source, "encryption"));
	image->sliced = vk_xml_child(source, "slices") != NULL;
	return naming ? g_steal_pointer(&image) : NULL;
}

char *vk_domain_image_label(const VkDomainImage *image)
{
	if (image->path)
		return g_strdup(image->path);
	if (image->pool)
		return g_strdup_printf("%s/%s", image->pool, image->volume ? image->volume : "?");
	if (image->protocol)
		return g_strdup_printf("%s:%s", image->protocol,
				       image->name   ? image->name
				       : image->host ? image->host
						     : "");
	return g_strdup_printf("%s:%s", image->type, image->passed ? image->passed : "");
}

const char *vk_domain_image_secret(const VkDomainImage *image)
{
	return image->secret_uuid ? image->secret_uuid : image->secret_usage;
}

gboolean vk_domain_image_has_secret(const VkDomainImage *image)
{
	return vk_domain_image_secret(image) != NULL;
}

const char *vk_domain_image_obstacle(const VkDomainImage *image)
{
	if (!image->path && !image->pool)
		return "network storage";
	if (image->encrypted && !vk_domain_image_has_secret(image))
		return "encrypted by QEMU";
	if (image->sliced)
		return "part of a larger image";
	return NULL;
}
