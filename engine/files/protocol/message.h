/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the program and the agent in the appliance say to each other. A message is a 32-bit length,
 * a type, and a body of that length. Numbers are little-endian, texts are bytes with a length in
 * front. Either side takes the other to be hostile: every length is checked before it is used, and
 * a body that does not parse ends the talk. libc only, because the agent has no GLib. Threads: one
 * at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The two sides come from one build. Another number ends the talk. */
#define VK_MESSAGE_VERSION 1

/* Bytes in front of a body, and in it at most. */
#define VK_MESSAGE_HEAD 5
#define VK_MESSAGE_MAX  (1u << 20)

/* Bytes of a file in one message at most, and in the answer to VK_MESSAGE_ASK_READ. */
#define VK_MESSAGE_DATA_MAX (256u << 10)
#define VK_MESSAGE_READ_MAX (1u << 20)

/* In VK_MESSAGE_FAILED instead of an errno: there is no such volume or system. No errno is it. */
#define VK_MESSAGE_NO_PLACE (1u << 16)

/* Entries of VK_MESSAGE_PAGE at most. */
#define VK_MESSAGE_PAGE_MAX 1000

/* Instead of the place in VK_MESSAGE_PLACE: there is none. */
#define VK_MESSAGE_NOWHERE UINT64_MAX

/*
 * Bytes of a message to the agent that are sent at once. The terminal that carries them loses its
 * way when it has to hold more, so longer ones go in pieces, and each waits for its answer.
 */
#define VK_MESSAGE_PIECE_MAX 2048

/* Ranges of a file in one message at most. The last one has the rest of the file in it. */
#define VK_MESSAGE_RANGES_MAX 32768

typedef enum {
	/* To the agent */
	VK_MESSAGE_SETUP = 1, /* the names of the disks, in the order of the devices */
	VK_MESSAGE_ASK_VOLUMES,
	VK_MESSAGE_ASK_WALK, /* volume, path, whether a system is meant, VkWalkFlags */
	/* Of one node. Each begins with a place: volume, path, whether a system is meant. */
	VK_MESSAGE_ASK_NODE, /* place. Answer: ENTRY */
	VK_MESSAGE_ASK_PAGE, /* place, cursor: 0, or one of an entry. Answer: PAGE */
	VK_MESSAGE_ASK_READ, /* place, offset, length. Answer: DATA..., DONE; the rest: zeros */
	VK_MESSAGE_ASK_SEEK, /* place, offset, whether a hole is meant. Answer: PLACE */
	VK_MESSAGE_ASK_ATTRIBUTES, /* place of a file or directory. Answer: ATTRIBUTE..., DONE */
	VK_MESSAGE_PIECE,  /* of a message, with its head. Answer: DONE, but to the last one */
	VK_MESSAGE_UNLOCK, /* volume, or "" for all; its key. Before all else that is asked */
	/* From the agent */
	VK_MESSAGE_HELLO = 64, /* version, the kernel's release */
	VK_MESSAGE_VOLUME,     /* VkVolumeReport */
	VK_MESSAGE_ENTRY,      /* VkEntryReport */
	VK_MESSAGE_ATTRIBUTE,  /* of the last entry: name, value */
	VK_MESSAGE_DATA,       /* of the last entry: offset, bytes */
	VK_MESSAGE_RANGES,     /* of the last entry: offset and length of each part that has data */
	VK_MESSAGE_PAGE,   /* 1, cursor behind it, VkEntryReport; ...; 0, whether it is the end */
	VK_MESSAGE_PLACE,  /* offset in a file */
	VK_MESSAGE_NOTE,   /* what could not be read: path, reason. The walk goes on */
	VK_MESSAGE_DONE,   /* the end of an answer */
	VK_MESSAGE_FAILED, /* instead of it: errno, reason */
	VK_MESSAGE_LOCKED, /* instead of it: the volume that has to be unlocked */
	VK_MESSAGE_ALIVE,  /* the answer takes long */
} VkMessageType;

typedef enum {
	VK_WALK_DEEP = 1,       /* what is below a directory, to any depth; else only its entries */
	VK_WALK_DATA = 2,       /* the contents of regular files */
	VK_WALK_ATTRIBUTES = 4, /* extended attributes */
	VK_WALK_FOLLOW = 8,     /* a symbolic link at the end of the path */
	VK_WALK_RANGES = 16,    /* before the contents of a file with holes, where it has data */
} VkWalkFlags;

/* Text of LENGTH bytes; it may have zeros in it. */
typedef struct VkBytes {
	const uint8_t *at;
	size_t length;
} VkBytes;

typedef struct VkVolumeReport {
	VkBytes name;   /* "vda1" */
	VkBytes type;   /* "ext4"; empty: nothing recognised */
	VkBytes label;  /* empty: none */
	VkBytes uuid;   /* empty: none */
	VkBytes state;  /* empty: it can be read; else why not, for people */
	VkBytes note;   /* of one that can be read: what is to be known of it; empty: nothing */
	VkBytes points; /* where the installed system mounts it; empty: nowhere */
	uint64_t size;  /* bytes */
	uint32_t incomplete; /* whether it cannot be read because something of it is missing */
} VkVolumeReport;

typedef struct VkEntryReport {
	VkBytes path;   /* below what was asked for; empty: that itself */
	VkBytes target; /* of a symbolic link */
	uint32_t mode;  /* as st_mode */
	uint32_t uid, gid;
	uint32_t rdev_major, rdev_minor;
	uint32_t links;
	uint64_t device, inode; /* the same for two names of one file */
	uint64_t size;          /* bytes */
	uint64_t blocks;        /* of 512 bytes */
	int64_t mtime_sec;
	uint32_t mtime_nsec;
} VkEntryReport;

/* A message that is being made. Zeroed at first. */
typedef struct VkMessage {
	uint8_t *bytes; /* the head and the body */
	size_t length;  /* of both; 0: not begun */
	size_t room;
	bool failed; /* too long, or no memory: it must not be sent */
} VkMessage;

/* Begins a new one of TYPE in place of what was there. */
void vk_message_begin(VkMessage *message, VkMessageType type);
void vk_message_put_u32(VkMessage *message, uint32_t value);
void vk_message_put_u64(VkMessage *message, uint64_t value);
void vk_message_put_bytes(VkMessage *message, const void *bytes, size_t length);
void vk_message_put_text(VkMessage *message, const char *text);
void vk_message_put_volume(VkMessage *message, const VkVolumeReport *volume);
void vk_message_put_entry(VkMessage *message, const VkEntryReport *entry);

/* Room for LENGTH more bytes, which are the caller's to fill; NULL when there is none. */
uint8_t *vk_message_reserve(VkMessage *message, size_t length);

/* Writes the length into the head. To be called before it is sent. */
void vk_message_end(VkMessage *message);
void vk_message_clear(VkMessage *message);

/* A body that is being read. The texts that it gives out are borrowed from it. */
typedef struct VkBody {
	const uint8_t *at;
	size_t left;
	bool bad; /* it ended too early; all values after that are 0 or empty */
} VkBody;

/* The length of the body and the type by a head. FALSE when there is no such message. */
bool vk_message_parse_head(const uint8_t head[VK_MESSAGE_HEAD], size_t *ret_length,
			   VkMessageType *ret_type);

uint32_t vk_body_u32(VkBody *body);
uint64_t vk_body_u64(VkBody *body);
VkBytes vk_body_bytes(VkBody *body);
VkVolumeReport vk_body_volume(VkBody *body);
VkEntryReport vk_body_entry(VkBody *body);

/* Whether all of it was read, and nothing was missing. */
bool vk_body_ended(const VkBody *body);
