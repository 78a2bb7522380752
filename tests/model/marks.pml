/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The marks of one snapshot: forgetting, unforgetting, pinning, reading and removing at once. See
 * README.md for the steps. Each atomic is one request to the store; between two of them anybody may
 * stand still for ever, or be killed. Slots, and who may use them, are the subject of vault.pml.
 */
#ifndef USERS
#define USERS 2
#endif
#ifndef COLLECTORS
#define COLLECTORS 2
#endif
#ifndef OTHERS
#define OTHERS 2 /* a reader, and one who pins */
#endif
#ifndef EXPIRERS
#define EXPIRERS 0 /* whose snapshot is only on an array */
#endif
#ifndef ROUNDS
#define ROUNDS 1 /* how often each user and collector does something */
#endif

/* The store. */
bool exists = true;
bool del;
bool pin;
bool lease; /* the reader's, open */
bool back[USERS];
bool gone[COLLECTORS];
#if EXPIRERS > 0
bool expiring[EXPIRERS];
#endif
bool expired;
bool lost; /* the array's copies are removed */

/* What people were told. */
bool kept;    /* unforget took the tombstone away, and nobody has forgotten it since */
bool pinned;  /* pin has succeeded */
bool reading; /* the reader has opened it */

byte running; /* processes */

/* A look at each of several names is a request of its own: a listing is no moment. */
#define LOOK(cond, ret) atomic { ret = (cond) }

/* A process that is known to be dead: its marks are swept at some time later. */
#ifdef CRASH
#define MAY_DIE(sweep) if :: skip :: goto sweep fi
#else
#define MAY_DIE(sweep) skip
#endif

proctype user(byte u)
{
	byte round;
	byte c;
	bool seen;

	do
	:: round < ROUNDS ->
		round++;
		if
		:: atomic { exists -> del = true; kept = false } /* F1 */
		:: true ->
#ifdef BLIND_UNFORGET
			atomic { del = false; kept = exists }
#elif defined(REPUT)
			/* Takes the tombstone away, and puts it again when a collector is at work. */
			atomic { del = false };
			MAY_DIE(swept);
			c = 0; seen = false;
			do
			:: atomic { c < COLLECTORS && !seen -> seen = gone[c]; c++ }
			:: else -> break
			od;
			if
			:: !seen -> LOOK(!exists, seen)
			:: else
			fi;
			MAY_DIE(swept);
			if
			:: seen -> atomic { del = true }
			:: else -> atomic { assert(exists); kept = true }
			fi
#else
			atomic { back[u] = true }; /* U1 */
			MAY_DIE(swept);
			c = 0; seen = false; /* U2 */
			do
			:: atomic { c < COLLECTORS && !seen -> seen = gone[c]; c++ }
			:: else -> break
			od;
#if EXPIRERS > 0
			c = 0;
			do
			:: atomic { c < EXPIRERS && !seen -> seen = expiring[c]; c++ }
			:: else -> break
			od;
			if
			:: !seen -> LOOK(expired, seen)
			:: else
			fi;
#endif
			if
			:: !seen -> LOOK(!exists, seen)
			:: else
			fi;
			MAY_DIE(swept);
			if
			:: !seen -> atomic { assert(exists && !lost); del = false; kept = true } /* U3 */
			:: else
			fi;
			MAY_DIE(swept);
			atomic { back[u] = false } /* U4 */
#endif
		:: break
		fi
	:: else -> break
	od;
swept:	atomic { back[u] = false; running-- }
}

proctype reader()
{
	bool ok;

#ifdef READER_LOOKS_FIRST
	LOOK(exists && !del, ok);
	atomic { lease = true };
#else
	atomic { lease = true }; /* R1 */
	MAY_DIE(ended);
	LOOK(!del, ok); /* R2 */
	if
	:: ok -> LOOK(exists, ok)
	:: else
	fi;
#endif
	if
	:: ok -> atomic { assert(!lost); reading = true }; MAY_DIE(ended)
	:: else
	fi;
ended:	atomic { reading = false; lease = false; running-- } /* R4 */
}

proctype pinner()
{
	bool refused;

#ifdef PIN_LOOKS_FIRST
	LOOK(del || !exists, refused);
	if
	:: !refused -> atomic { pin = true; pinned = true }
	:: else
	fi;
#else
	atomic { pin = true }; /* P1 */
	LOOK(del || !exists, refused); /* P2 */
	if
	:: refused -> atomic { pin = false }
	:: else -> atomic { assert(!lost); pinned = true }
	fi;
#endif
	if
	:: pinned -> atomic { pin = false; pinned = false } /* unpin */
	:: true
	fi;
	atomic { running-- }
}

#ifdef SHARED_GONE
#define MINE 0
#else
#define MINE c
#endif

proctype collector(byte c)
{
	byte round;
	byte u;
	bool seen;

	do
	:: round < ROUNDS ->
		round++;
		LOOK(!exists, seen); /* sweeping: its marks go */
		if
		:: seen ->
			atomic { pin = false };
			u = 0;
			do
			:: atomic { u < USERS -> back[u] = false; u++ }
			:: else -> break
			od;
			u = 0;
			do
			:: atomic { u < COLLECTORS -> gone[u] = false; u++ }
			:: else -> break
			od;
			atomic { del = false }
		:: else
		fi;
		LOOK(exists && del, seen); /* D1 */
		if
		:: !seen -> goto next
		:: else
		fi;
		MAY_DIE(swept);
		atomic { gone[MINE] = true }; /* D2 */
		MAY_DIE(swept);
#ifndef NO_D3
		u = 0; seen = false; /* D3 */
		do
		:: atomic { u < USERS && !seen -> seen = back[u]; u++ }
		:: else -> break
		od;
		if
		:: seen -> goto leave
		:: else
		fi;
#endif
#ifndef NO_D4
		LOOK(!del, seen); /* D4 */
		if
		:: seen -> goto leave
		:: else
		fi;
#endif
#ifndef NO_D5
		LOOK(pin, seen); /* D5 */
		if
		:: seen -> goto leave
		:: else
		fi;
		LOOK(lease, seen);
		if
		:: seen -> goto leave
		:: else
		fi;
#endif
		MAY_DIE(swept);
		atomic { /* D7 */
			assert(!kept);
			assert(!pinned);
			assert(!reading);
			exists = false
		};
		MAY_DIE(swept);
		atomic { del = false };
leave:		atomic { gone[MINE] = false };
next:		skip
	:: else -> break
	od;
swept:	atomic { gone[MINE] = false; running-- }
}

#if EXPIRERS > 0
/* Its marks are never swept: what it leaves when it dies keeps the snapshot hidden. */
proctype expirer(byte e)
{
	byte round;
	byte u;
	bool seen;

	do
	:: round < ROUNDS ->
		round++;
		if
		:: atomic { exists -> del = true; kept = false } /* X1 */
		:: else -> break
		fi;
		MAY_DIE(died);
#ifndef NO_X2
		atomic { expiring[e] = true }; /* X2 */
#endif
		MAY_DIE(died);
		u = 0; seen = false; /* X3 */
		do
		:: atomic { u < USERS && !seen -> seen = back[u]; u++ }
		:: else -> break
		od;
		if
		:: !seen -> LOOK(!del, seen) /* X4 */
		:: else
		fi;
#ifndef NO_X5
		if
		:: !seen -> LOOK(pin, seen) /* X5 */
		:: else
		fi;
		if
		:: !seen -> LOOK(lease, seen)
		:: else
		fi;
#endif
		MAY_DIE(died);
		if
		:: !seen -> atomic { expired = true } /* X6 */
		:: else
		fi;
		MAY_DIE(died);
		atomic { expiring[e] = false };
		if
		:: !seen && exists ->
			atomic { assert(!kept && !pinned && !reading); lost = true }
		:: else
		fi
	:: else -> break
	od;
died:	atomic { running-- }
}
#endif

init {
	byte i;
	bool marked;

	atomic {
		running = USERS + COLLECTORS + OTHERS + EXPIRERS;
		i = 0;
		do
		:: i < USERS -> run user(i); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < COLLECTORS -> run collector(i); i++
		:: else -> break
		od;
#if EXPIRERS > 0
		i = 0;
		do
		:: i < EXPIRERS -> run expirer(i); i++
		:: else -> break
		od;
#endif
#if OTHERS >= 1
		run reader();
#endif
#if OTHERS >= 2
		run pinner()
#endif
	};
	/* Everybody ends, and leaves no mark behind that would keep the snapshot. */
	running == 0;
	i = 0;
	do
	:: i < USERS -> marked = marked || back[i]; i++
	:: else -> break
	od;
	i = 0;
	do
	:: i < COLLECTORS -> marked = marked || gone[i]; i++
	:: else -> break
	od;
	assert(!marked && !lease);
}
