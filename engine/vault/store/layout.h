/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What lies where in a vault of format 1. What is in the objects: format.h.
 *
 *   vault.json                                what the vault is
 *   packs/<hh>/<pack id>.<generation>         blocks and map pages; hh: first two digits of the id
 *   snaps/<guest uuid>/<TIME>-<snap id>.json  one object a snapshot; its appearance is the commit
 *   snaps/<guest uuid>/<TIME>-<snap id>.*     marks on it: catalog-priv.h
 *   copies/                                   the same names: copies that a snapshot got later
 *   hints/<id>                                block id prefix -> pack, slot; may be lost or wrong
 *   checks/<time>-<kind>-<random>.json        what checks found: health.h; may be lost
 *   leases/<lease id>.*                       who is working: lease-priv.h
 *   fence/<lease id>.0                        an order to the owner of that lease
 *   gc/<lease id>                             what its owner is about to delete: announcement.h
 *   keys/<slot id>.json                       who may read: key-slot.h
 *   reserve/<n>                               room for what frees space: vault-room.h
 *   tmp/                                      what is being written; renamed from here
 */
#pragma once

#define VK_VAULT_OBJECT "vault.json"

#define VK_FOLDER_PACKS  "packs"
#define VK_FOLDER_SNAPS  "snaps"
#define VK_FOLDER_COPIES "copies"
#define VK_FOLDER_HINTS  "hints"
#define VK_FOLDER_CHECKS "checks"
#define VK_FOLDER_LEASES "leases"
#define VK_FOLDER_FENCE  "fence"
#define VK_FOLDER_GC     "gc"
#define VK_FOLDER_KEYS   "keys"
#define VK_FOLDER_TMP    "tmp"

#define VK_FOLDER_RESERVE "reserve"

/* All of them, which a new vault has; NULL at the end. */
extern const char *const vk_vault_folders[];
