/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writers, collectors, a reader, and one who forgets, on one vault. See README.md for the steps. Each
 * atomic is one request to the store; between two of them anybody may stand still for ever, or be
 * killed. Unforgetting and pins are the subject of marks.pml.
 *
 * TOGETHER makes one step of several requests, unless FINE is defined. README.md says why nothing is
 * lost by that. What nobody reads any more is set to 0: so there are fewer states.
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

/*
 * Whoever is known to be dead has ended, and does nothing more. It may die before each step that
 * others can see: to die after a look is the same as to die before it. The last collector lives.
 */
#ifdef CRASH
#define MAY_DIE if :: true :: !alone -> goto ended fi
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

/* What the hints know. Of announcements only these matter to writers. */
#define KNOWN (HINTED | OWN(0))

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
byte announced[LAST + 1]; /* condemned slots, of those that the hints know */
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

/* What each knows, or somebody knows of it. */
byte waiting[LAST + 1]; /* the writers, as bits, that a collector saw and that have not ended */
bool looked[WRITERS];   /* for its fence, and found none: it does not look again */
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

end:	do
	:: atomic {
		round < FORGETS ->
		round++;
		if
		:: exists[FIRST] -> del[FIRST] = true
		:: exists[0] -> del[0] = true
#if WRITERS > 1
		:: exists[1] -> del[1] = true
#endif
#if WRITERS > 2
		:: exists[2] -> del[2] = true
#endif
		:: else
		fi;
#ifdef REMOVE_OUTSIDE
		exists[FIRST] = exists[FIRST] && !del[FIRST];
		exists[0] = exists[0] && !del[0];
		exists[1] = exists[1] && !del[1];
#endif
		if
		:: round == FORGETS -> running--
		:: else
		fi
	}
	:: atomic { round < FORGETS -> round = FORGETS; running-- }
	od
}

#ifdef READER
proctype reader()
{
	byte name;

end:	do
	:: atomic { /* R1 */
		if /* what it has seen listed */
		:: exists[FIRST] && !del[FIRST] -> name = FIRST
		:: exists[0] && !del[0] -> name = 0
		fi;
		held = 1 << name
	};
	atomic { /* R2 */
		if
		:: exists[name] && !del[name] -> open = 1 << name
		:: else -> goto ended
		fi
	};
ended:	atomic { open = 0; held = 0; name = 0 } /* R4 */
	od
}
#endif

#ifdef BURIAL
/* A person takes writer 0 for dead, rightly or not, and what it left is swept. */
proctype burial()
{
	byte c;

	if
	:: true -> goto done
	:: atomic { writer_open[0] -> writer_fence[0] = !looked[0] }
	fi;
#ifndef BLIND_BURIAL
	if
	:: atomic { intent[0] && !exists[0] -> goto done } /* it may commit still */
	:: atomic { !intent[0] || exists[0] -> skip }
	fi;
#endif
	atomic {
		writer_open[0] = false;
		buried = true;
		do
		:: c < COLLECTORS -> waiting[c] = waiting[c] & ~1; c++
		:: else -> c = 0; break
		od
	};
	atomic { intent[0] = false; refs[0] = (exists[0] -> refs[0] : 0) };
	atomic { writer_fence[0] = false };
done:	atomic { running-- };
end:	false
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
	running == 0 &&
#ifdef READER
	!held &&
#endif
	!announced[0] && !announced[LAST - 1];
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
