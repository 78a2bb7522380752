/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parity-code.h"

#include "simd.h"

#include <isa-l/erasure_code.h>

#define DATA_MAX VK_PARITY_DATA_MAX
#define N_PARITY VK_PARITY_SHARDS
#define GF_TABLE 32 /* what ISA-L makes of one coefficient */
#define ALL_ROWS (DATA_MAX + N_PARITY)

typedef struct Code {
	guint8 matrix[ALL_ROWS * DATA_MAX]; /* rows of the data shards, then of P and Q */
	guint8 tables[GF_TABLE * DATA_MAX * N_PARITY];
} Code;

static gpointer make_code(gpointer unused)
{
	Code *code = g_new(Code, 1);

	gf_gen_rs_matrix(code->matrix, ALL_ROWS, DATA_MAX);
	ec_init_tables(DATA_MAX, N_PARITY, code->matrix + (gsize)DATA_MAX * DATA_MAX, code->tables);
	return code;
}

static Code *get_code(void)
{
	static GOnce once = G_ONCE_INIT;

	return g_once(&once, make_code, NULL);
}

void vk_parity_code_add(guint8 *p, guint8 *q, guint shard, const void *bytes, gsize length)
{
	guint8 *rows[N_PARITY] = {p, q};

	g_assert(shard < DATA_MAX && length <= G_MAXINT);
	ec_encode_data_update((int)length, DATA_MAX, N_PARITY, (int)shard, get_code()->tables,
			      (guint8 *)(guintptr)bytes, rows);
	vk_simd_end();
}

/* What the shard number SHARD is multiplied with in P (0) or Q (1). */
static guint8 coefficient(guint row, guint shard)
{
	return get_code()->matrix[(DATA_MAX + row) * DATA_MAX + shard];
}

void vk_parity_code_solve(const VkParityLoss *loss, gsize length)
{
	const int n = (int)loss->count;
	const guint first = loss->count == 1 && loss->from_q ? 1 : 0;
	guint8 matrix[N_PARITY * N_PARITY], inverse[N_PARITY * N_PARITY];
	guint8 tables[GF_TABLE * N_PARITY * N_PARITY];
	guint8 *sums[N_PARITY] = {loss->sums[first], loss->sums[1]};
	guint8 *result[N_PARITY] = {loss->result[0], loss->result[1]};

	g_assert(n >= 1 && n <= (int)N_PARITY && length <= G_MAXINT);
	for (guint row = 0; row < loss->count; row++)
		for (guint i = 0; i < loss->count; i++)
			matrix[row * loss->count + i] = coefficient(first + row, loss->shards[i]);
	/* Different shards have different coefficients in Q, the same in P: there is an inverse. */
	if (gf_invert_matrix(matrix, inverse, n) != 0)
		g_assert_not_reached();
	ec_init_tables(n, n, inverse, tables);
	ec_encode_data((int)length, n, n, tables, sums, result);
	vk_simd_end();
}
