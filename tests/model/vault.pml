/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writers, collectors, a reader, and one who forgets, on one vault. See README.md for the steps. Each
 * atomic is one request to the store; between two of them anybody may stand still for ever, or be
 * killed. Unforgetting and pins are the subject of marks.pml.
 *
 * TOGETHER makes one step of several requests, unless FINE is defined: where another one who comes
 * between them could only find more reasons to give way.
 */
#ifndef WRITERS
#define WRITERS 3
#endif
#ifndef COLLECTORS
#define COLLECTORS 2
#endif
#ifndef FORGETS
#define FORGETS 1
#endif

/* Whoever is known to be dead has ended, and does nothing more. The last collector lives. */
#ifdef CRASH
#define MAY_DIE if :: skip :: !alone -> goto ended fi
#else
#define MAY_DIE skip
#endif

#ifdef FINE
#define TOGETHER
#else
#define TOGETHER atomic
#endif

/* Slots, as bits. OLD and HINTED share a pack with COMPACT; each other one is a pack of its own. */
#define OLD    1 /* data of the first snapshot */
#define HINTED 2 /* garbage of a writer that failed once; the hints know it */
#define MAP    4 /* the first snapshot's map */
#define OWN(w) (8 << (w))

/* Snapshots: one of each writer, and the first one. */
#define FIRST     WRITERS
#define SNAPSHOTS (WRITERS + 1)

/* After all others one more collector runs alone. */
#define LAST COLLECTORS

/* The store. */
bool exists[SNAPSHOTS];
bool del[SNAPSHOTS];
byte refs[SNAPSHOTS]; /* of the snapshot, or of the writer's intent */
byte packs;           /* the slots that are there, but for those of the shared pack */
byte announced[LAST + 1]; /* condemned slots */
bool writer_open[WRITERS];      /* its lease */
bool collector_open[LAST + 1];
bool intent[WRITERS];
bool writer_fence[WRITERS];
bool collector_fence[LAST + 1];

#ifdef COMPACT
#define SHARED (OLD | HINTED)
byte generation[LAST + 2]; /* its slots, as written first, and as each collector wrote them */
byte level[LAST + 2];
#if COLLECTORS > 1
#define STORED (packs | generation[0] | generation[1] | generation[2] | generation[3])
#else
#define STORED (packs | generation[0] | generation[1] | generation[2])
#endif
#else
#define SHARED 0
#define STORED packs
#endif

#ifdef READER
byte held; /* what a read lease names, as bits */
byte open; /* what the reader has opened */
#endif

#ifdef BURIAL
bool buried; /* writer 0: somebody has ended its lease */
#endif

bool given_up[WRITERS]; /* a collector went on without this writer's snapshot */
byte running;
bool alone; /* all others have ended */

/* What exists can be read. */
inline assert_whole()
{
	do
	:: j < SNAPSHOTS -> assert(!exists[j] || !(refs[j] & ~STORED)); j++
	:: else -> j = 0; break
	od
}

#include "vault-writer.pml"
#include "vault-collector.pml"

proctype forgetter()
{
	byte round;

	do
	:: round < FORGETS ->
		atomic {
			round++;
			if
			:: exists[FIRST] -> del[FIRST] = true
			:: exists[0] -> del[0] = true
#if WRITERS > 1
			:: exists[1] -> del[1] = true
#endif
			:: else
			fi
#ifdef REMOVE_OUTSIDE
			;
			exists[FIRST] = exists[FIRST] && !del[FIRST];
			exists[0] = exists[0] && !del[0];
			exists[1] = exists[1] && !del[1]
#endif
		}
	:: else -> break
	od;
	atomic { running-- }
}

#ifdef READER
proctype reader()
{
	byte name;

	if
	:: name = FIRST
	:: name = 0
	fi;
	atomic { held = 1 << name }; /* R1 */
	atomic { /* R2 */
		if
		:: exists[name] && !del[name] -> open = 1 << name
		:: else
		fi
	};
	atomic { open = 0; held = 0; running-- } /* R4 */
}
#endif

#ifdef BURIAL
/* A person takes writer 0 for dead, rightly or not, and what it left is swept. */
proctype burial()
{
	if
	:: true -> goto done
	:: atomic { writer_open[0] -> writer_fence[0] = true }
	fi;
#ifndef BLIND_BURIAL
	if
	:: atomic { intent[0] && !exists[0] -> goto done } /* it may commit still */
	:: atomic { !intent[0] || exists[0] -> skip }
	fi;
#endif
	atomic { writer_open[0] = false; buried = true };
	atomic { intent[0] = false; refs[0] = (exists[0] -> refs[0] : 0) };
	atomic { writer_fence[0] = false };
done:	atomic { running-- }
}
#endif

init {
	byte i;
#ifdef FINISH
	byte used;
#endif

	atomic {
#ifdef COMPACT
		packs = MAP;
		generation[0] = SHARED;
#else
		packs = OLD | HINTED | MAP;
#endif
		exists[FIRST] = true;
		refs[FIRST] = OLD | MAP;
#ifdef READER
		running = 1;
		run reader();
#endif
#ifdef BURIAL
		running = running + 1;
		run burial();
#endif
		running = running + WRITERS + COLLECTORS + 1;
		do
		:: i < WRITERS -> run writer(i); i++
		:: else -> i = 0; break
		od;
		run collector(0);
		run forgetter()
	};
	/* Everybody ends, and leaves nothing behind but garbage; and that goes. */
	running == 0 && !announced[0] && !announced[LAST - 1];
#ifdef FINISH
	atomic { alone = true; running = 1; run collector(LAST) };
	atomic {
		running == 0 ->
		do
		:: i < SNAPSHOTS ->
			assert(!exists[i] || !del[i]);
			used = used | (exists[i] -> refs[i] : 0);
			i++
		:: else -> break
		od;
		assert(STORED == used)
	}
#endif
}
