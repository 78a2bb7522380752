/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The marks of one snapshot: forgetting, unforgetting, pinning, reading, expiring, removing and sending
 * again at once.
 * See README.md for the steps. Each atomic is one request to the store; between two of them anybody may
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
#define EXPIRERS 0 /* whose snapshot is only on an array, until the reader copies it */
#endif
#ifndef SENDERS
#define SENDERS 0 /* who send it again once it is removed */
#endif
#ifndef ROUNDS
#define ROUNDS 1 /* how often each user and collector does something */
#endif

/* The store. */
bool exists = true;
bool del;
bool pin;
bool lease;                  /* the reader's, open */
bool back[USERS + EXPIRERS]; /* the users' come first */
bool gone[COLLECTORS];
#if EXPIRERS > 0
bool expirer_lease[EXPIRERS];
bool expiring[EXPIRERS];
#endif
bool expired;
bool copied; /* the vault has all disks */
bool lost;   /* the array's copies are removed */

/* What people were told, and want. */
bool kept;     /* unforget took the tombstone away, or it was sent again; nobody has forgotten it since */
bool pinned;   /* pin has succeeded */
bool reading;  /* the reader has opened it */
bool unwanted; /* somebody has forgotten it, or has died before it was listed again */

byte running; /* processes */

/* Somebody who is known to be dead: its marks are swept at some time later. */
#ifdef CRASH
#define MAY_DIE if :: true :: goto swept fi
#else
#define MAY_DIE skip
#endif

/* A look at each of several names is a request of its own: a listing is no moment. */
#define LOOK(cond, label) atomic { if :: cond -> goto label :: else fi }

#if COLLECTORS > 1
#define LOOK_FOR_GONE(label) LOOK(gone[0], label); LOOK(gone[1], label)
#else
#define LOOK_FOR_GONE(label) LOOK(gone[0], label)
#endif
#if USERS + EXPIRERS > 2
#define LOOK_FOR_BACK(label) LOOK(back[0], label); LOOK(back[1], label); LOOK(back[2], label)
#elif USERS + EXPIRERS > 1
#define LOOK_FOR_BACK(label) LOOK(back[0], label); LOOK(back[1], label)
#else
#define LOOK_FOR_BACK(label) LOOK(back[0], label)
#endif
#if EXPIRERS > 1
#define LOOK_FOR_EXPIRERS(what, label) LOOK(what[0], label); LOOK(what[1], label)
#elif EXPIRERS > 0
#define LOOK_FOR_EXPIRERS(what, label) LOOK(what[0], label)
#endif

/* U1 to U3. Goes to busy when a collector is at work, to give_way when it cannot be listed again. */
inline unforget(mark)
{
	atomic { back[mark] = true }; /* U1 */
	LOOK_FOR_GONE(busy); /* U2 */
#if EXPIRERS > 0
	LOOK_FOR_EXPIRERS(expiring, needs_copy);
	LOOK(expired, needs_copy);
	goto needs_nothing;
needs_copy:
	if
	:: copied
	:: !copied -> goto give_way
	fi;
needs_nothing:
#endif
	LOOK(!exists, give_way);
#if EXPIRERS > 0
	atomic { MAY_DIE; expired = false }; /* U3 */
#endif
	atomic {
		MAY_DIE;
		assert(exists && (!lost || copied));
		del = false;
		kept = true;
		unwanted = false
	}
}

/* Takes the tombstone away, and puts it again when a collector is at work. */
inline unforget_by_another_put()
{
	atomic { del = false };
	LOOK_FOR_GONE(put_again);
	LOOK(!exists, put_again);
	atomic { assert(exists); kept = true };
	goto give_way;
put_again:
	del = true
}

proctype user(byte u)
{
	byte round;

again:	if
	:: atomic {
		exists && round < ROUNDS ->
		round++;
		del = true; /* F1 */
		kept = false;
		unwanted = true;
		goto again
	   }
	:: atomic { round < ROUNDS -> round++ };
#ifdef BLIND_UNFORGET
		atomic { del = false; kept = exists };
#elif defined(REPUT)
		unforget_by_another_put();
#else
		unforget(u);
#endif
busy:
give_way:	back[u] = false; /* U4 */
		goto again
	:: goto swept
	fi;
swept:	atomic { back[u] = false; running-- };
end:	false
}

proctype reader()
{
#ifdef READER_LOOKS_FIRST
	LOOK(!exists || del, swept);
	lease = true;
	reading = true;
#else
	lease = true; /* R1 */
	LOOK(del, swept); /* R2 */
	atomic {
		if
		:: !exists -> goto swept
		:: else -> assert(!lost || copied); reading = true
		fi
	};
#endif
#if EXPIRERS > 0
	if
	:: atomic { copied = true } /* into the vault */
	:: goto swept
	fi;
#endif
swept:	atomic { reading = false; lease = false; running-- }; /* R4 */
end:	false
}

proctype pinner()
{
#ifdef PIN_LOOKS_FIRST
	LOOK(del || !exists, done);
	pin = true;
#else
	pin = true; /* P1 */
	LOOK(del, unpin); /* P2 */
	LOOK(!exists, unpin);
#endif
	atomic { assert(!lost || copied); pinned = true };
	if
	:: goto unpin
	:: goto done
	fi;
unpin:	atomic { pin = false; pinned = false };
done:	atomic { running-- };
end:	false
}

#ifdef SHARED_GONE
#define MINE 0
#else
#define MINE c
#endif

/* The marks of a snapshot that does not exist, but those of others who are at work. */
inline sweep()
{
	pin = false;
#ifdef SWEEP_GONE
	do
	:: atomic { i < COLLECTORS -> gone[i] = false; i++ }
	:: atomic { i == COLLECTORS -> i = 0; break }
	od;
#endif
	del = false
}

proctype collector(byte c)
{
	byte round;
	byte i;

again:	if
#if EXPIRERS > 0
	:: atomic { round < ROUNDS && expired && del -> round++ }; /* what arrays have may go */
		atomic {
			assert(copied || (!kept && !pinned && !reading));
			lost = true;
			goto again
		}
#endif
	:: atomic { !exists && round < ROUNDS -> round++ };
		sweep();
		goto again
	:: atomic { exists && del && round < ROUNDS -> round++ }; /* D1 */
		atomic { MAY_DIE; gone[MINE] = true }; /* D2 */
#ifndef NO_D3
		LOOK_FOR_BACK(leave); /* D3 */
#endif
#ifndef NO_LOOK_FOR_OBJECT
		LOOK(!exists, leave);
#endif
#ifndef NO_D4
		LOOK(!del, leave); /* D4 */
#endif
#ifndef NO_D5
		LOOK(pin, leave); /* D5 */
		LOOK(lease, leave);
#if EXPIRERS > 0
		LOOK_FOR_EXPIRERS(expirer_lease, leave);
#endif
#endif
		atomic { /* D7 */
			MAY_DIE;
			assert(!kept && !pinned && !reading);
			assert(!copied || unwanted);
			exists = false
		};
		atomic { MAY_DIE; del = false };
leave:		gone[MINE] = false;
		goto again
	:: goto swept
	fi;
swept:	atomic { gone[MINE] = false; running-- };
end:	false
}

#if SENDERS > 0
/* W6 and W7 of a replica. Nothing of it is there, as far as its name says. */
proctype sender()
{
	if
	:: atomic { !exists -> skip };
#ifndef NO_LOOK_FOR_MARKS
		LOOK(pin, done);
		LOOK_FOR_BACK(done);
		LOOK_FOR_GONE(done);
		LOOK(del, done);
#endif
		atomic { MAY_DIE; exists = true; kept = true; unwanted = false }
	:: goto done
	fi;
swept:	skip;
done:	atomic { running-- };
end:	false
}
#endif

#if EXPIRERS > 0
/*
 * Its expiring mark is never swept. When it dies, or waits too long for a collector, what the vault
 * has may stay hidden, and go.
 */
proctype expirer(byte e)
{
#ifndef NO_X0
	expirer_lease[e] = true; /* X0 */
#endif
#ifdef LOOK_FOR_COPIES_FIRST
	LOOK(copied, done);
#endif
	LOOK(!exists, done);
	atomic { del = true; kept = false }; /* X1 */
#ifndef NO_X2
	atomic { MAY_DIE; expiring[e] = true }; /* X2 */
#endif
#ifndef NO_X3
	LOOK_FOR_BACK(keep); /* X3 */
#endif
#ifndef NO_X4
	LOOK(!del, keep); /* X4 */
#endif
#ifndef NO_X5
	LOOK(pin, keep); /* X5 */
	LOOK(lease, keep);
#if EXPIRERS > 1
	LOOK(expirer_lease[1 - e], keep);
#endif
#endif
	atomic { MAY_DIE; expired = true }; /* X6 */
	atomic { MAY_DIE; expiring[e] = false };
#ifndef LOOK_FOR_COPIES_FIRST
	LOOK(copied, list); /* X7 */
#endif
	atomic { MAY_DIE; expirer_lease[e] = false };
	atomic { assert(!kept && !pinned && !reading); lost = true; goto done };
keep:	atomic { MAY_DIE; expiring[e] = false };
#ifdef LEAVE_HIDDEN
	LOOK(!copied, done);
#endif
list:	skip;
	unforget(USERS + e);
give_way:
	back[USERS + e] = false;
	goto done;
busy:	atomic { MAY_DIE; back[USERS + e] = false };
	goto list;
swept:	atomic { unwanted = unwanted || del };
done:	atomic { expirer_lease[e] = false; back[USERS + e] = false; running-- };
end:	false
}
#endif

init {
	byte i;
	bool marked;

	atomic {
		running = USERS + COLLECTORS + OTHERS + EXPIRERS + SENDERS;
		do
		:: i < USERS -> run user(i); i++
		:: else -> i = 0; break
		od;
		do
		:: i < COLLECTORS -> run collector(i); i++
		:: else -> i = 0; break
		od;
#if EXPIRERS > 0
		do
		:: i < EXPIRERS -> run expirer(i); i++
		:: else -> i = 0; break
		od;
#endif
#if SENDERS > 0
		run sender();
#endif
#if OTHERS >= 1
		run reader();
#endif
#if OTHERS >= 2
		run pinner()
#endif
	};
	/* Everybody ends, and leaves no mark behind that would keep the snapshot. */
	atomic {
		running == 0 ->
		do
		:: i < USERS + EXPIRERS -> marked = marked || back[i]; i++
		:: else -> i = 0; break
		od;
		do
		:: i < COLLECTORS -> marked = marked || gone[i]; i++
		:: else -> i = 0; break
		od;
		assert(!marked && !lease)
	}
}
