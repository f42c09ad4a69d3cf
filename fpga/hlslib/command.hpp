// The command record, as fpga/lower (command.go) writes it: what its words are, and what each operation takes. A test of fpga/lower writes
// records there and reads them here.
#ifndef SOTTO_COMMAND_HPP
#define SOTTO_COMMAND_HPP

#include <cstdint>

namespace sotto {

const uint32_t record_version = 1;

enum { record_words = 64, record_outs = 4, record_ins = 8, record_weights = 2, record_ints = 32 };

// none is the address of an operand that is not there.
const uint32_t none = 0xffffffffu;

enum kernel_id {
    kernel_conv,
    kernel_depthwise,
    kernel_elementwise,
    kernel_pool,
    kernel_garble,
    kernel_evaluate,
    kernel_ot,
    kernel_move,
    kernel_compare,
    kernel_send,
    kernel_recv,
    kernel_count
};

enum operation {
    op_none,
    op_conv,
    op_depthwise,
    op_add,
    op_sub,
    op_mulc,
    op_addc,
    op_iota,
    op_zero,
    op_shift,
    op_scale,
    op_trunc_choose,
    op_trunc_correlate,
    op_trunc_receive,
    op_trunc_send,
    op_trunc_excess,
    op_coarse,
    op_sign,
    op_mux_choose,
    op_mux_correlate,
    op_mux_output,
    op_arith_correlate,
    op_arith_receive,
    op_arith_send,
    op_square_client,
    op_square_server,
    op_square_opened,
    op_quadratic_blind,
    op_quadratic_client,
    op_quadratic_server,
    op_rounded_share,
    op_rounded_offer,
    op_rounded_fix,
    op_rounded_turn,
    op_rounded_pad,
    op_rounded_hold,
    op_rounded_correlate,
    op_rounded_client,
    op_rounded_server,
    op_chain,
    op_sumpool,
    op_compare_choose,
    op_compare_turn,
    op_compare_answer,
    op_compare_select,
    op_compare_open,
    op_compare_join,
    op_products,
    op_labels,
    op_choices,
    op_tables,
    op_evaluate,
    op_extend_send,
    op_extend_receive,
    op_pads,
    op_chosen_pads,
    op_masks16,
    op_chosen16,
    op_bit_pads,
    op_chosen_bits,
    op_copy,
    op_copy_bits,
    op_walk,
    op_resample,
    op_index,
    op_ranges,
    op_send_ring,
    op_send_bits,
    op_send_blocks,
    op_recv_ring,
    op_recv_bits,
    op_recv_blocks,
    op_count
};

// A chain: elementwise steps one after the other on the same elements. ints[0] is how many steps, and from bits 8 and 16 on which operands
// and which results are bits; ints[1] the elements of a channel; then each step's five: operation; two numbers, which are what a truncation
// drops or a sign's width, and k, or the halves of a constant; where its operands are, four bits each; and where its result goes. A source
// is an operand of the command (0 to 7), a vector kept between steps (8, 9) or the bits kept (10). A result's low three bits are the
// command's result that it is, the next two what it is kept as, the next two its factor; each is one more than its number, 0 is none.
enum {
    chain_steps = 6,
    chain_head = 2,
    chain_step_ints = 5,
    chain_vectors = 5,   // operands that are vectors
    chain_planes = 4,    // operands that are bits
    chain_results = 3,   // results that are vectors
    chain_bit_results = 1,
    chain_kept = 2,      // vectors kept between steps
    chain_first_kept = 8 // of sources
};

// Places of the ints of a convolution, behind the twelve of its geometry.
enum { tile_m = 12, tile_mn, tile_y, tile_yn, tile_h, tile_w, tile_channels };

struct command {
    uint32_t version;
    uint32_t kernel;
    uint32_t op;
    uint32_t layer;
    uint32_t party; // 0: client, 1: server
    uint32_t lo, n;
    uint32_t out[record_outs];
    uint32_t in[record_ins];
    uint32_t weight[record_weights];
    uint32_t wait[kernel_count]; // by kernel: how many of its commands must have ended
    int32_t ints[record_ints];
};

// constant is the ring constant at ints[at], its low half first.
inline uint64_t constant(const command &c, int at) {
    return uint64_t(uint32_t(c.ints[at])) | uint64_t(uint32_t(c.ints[at + 1])) << 32;
}

// read_command reads the record at an index of the list; false says that it is of another version or names what there is not.
inline bool read_command(const uint32_t *list, uint32_t index, command &c) {
    uint32_t word[record_words];
    for (int i = 0; i < record_words; i++) {
#pragma HLS PIPELINE II = 1
        word[i] = list[index * record_words + i];
    }
    int at = 0;
    c.version = word[at++];
    c.kernel = word[at++];
    c.op = word[at++];
    c.layer = word[at++];
    c.party = word[at++];
    c.lo = word[at++];
    c.n = word[at++];
    for (int i = 0; i < record_outs; i++) c.out[i] = word[at++];
    for (int i = 0; i < record_ins; i++) c.in[i] = word[at++];
    for (int i = 0; i < record_weights; i++) c.weight[i] = word[at++];
    for (int i = 0; i < kernel_count; i++) c.wait[i] = word[at++];
    for (int i = 0; i < record_ints; i++) c.ints[i] = int32_t(word[at++]);
    return c.version == record_version && c.kernel < kernel_count && c.op != op_none && c.op < op_count && c.party <= 1;
}

} // namespace sotto

#endif
