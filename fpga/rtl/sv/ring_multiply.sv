// The product of two ring words, a*b mod 2^W, W = 32 or 64, a product a cycle. The operands are cut into limbs of 17 and 26 bits, what
// a DSP48E2 multiplies unsigned, and only what lies below 2^W is computed: two DSPs for 32 bits and seven for 64, where a tool
// that is given a*b takes three and ten. Limb products with fewer than nine bits below 2^W are LUTs.
//
//    W = 32: 3 cycles     a0*b0 + 2^17*(a1*b0 + 2^9*a0*b1)
//    W = 64: 4 cycles     (a0*b0 + 2^17*a1*b0) + 2^26*(a0*b1 + 2^8*a2*b0) + 2^43*((a1*b1 + 2^8*a3*b0) + 2^9*(a0*b2 + 2^8*a2*b1))
module ring_multiply #(
    parameter int W = 32
) (
    input  logic         clk,
    input  logic         ce,
    input  logic [W-1:0] a,
    input  logic [W-1:0] b,
    output logic [W-1:0] p
);
    if (W == 32) begin : word
        logic [31:0] p00;
        logic [14:0] p10;
        logic [5:0]  p01;
        logic [31:0] low;
        logic [14:0] high;
        always_ff @(posedge clk) if (ce) begin
            p00  <= 32'(a[16:0]) * 32'(b[25:0]);
            p10  <= a[31:17] * b[14:0];
            p01  <= a[5:0] * b[31:26];
            low  <= p00;
            high <= {p10[14:9] + p01, p10[8:0]};
            p    <= {low[31:17] + high, low[16:0]};
        end
    end else begin : double
        logic [42:0] p00;
        logic [42:0] p10;
        logic [37:0] p01;
        logic [29:0] p20;
        logic [20:0] p11;
        logic [12:0] p30;
        logic [11:0] p02;
        logic [3:0]  p21;
        always_ff @(posedge clk) if (ce) begin
            p00 <= 43'(a[16:0]) * 43'(b[25:0]);
            p10 <= 43'(a[33:17]) * 43'(b[25:0]);
            p01 <= 38'(a[16:0]) * 38'(b[51:26]);
            p20 <= 30'(a[50:34]) * 30'(b[25:0]);
            p11 <= 21'(a[33:17]) * b[46:26];
            p30 <= a[63:51] * b[12:0];
            p02 <= a[11:0] * b[63:52];
            p21 <= a[37:34] * b[29:26];
        end
        // Pairs: of weight 1, 2^26, 2^43 and 2^52; then of 1 and 2^43.
        logic [60:0] s0;
        logic [37:0] s26;
        logic [20:0] s43;
        logic [11:0] s52;
        logic [63:0] t0;
        logic [20:0] t43;
        always_ff @(posedge clk) if (ce) begin
            s0  <= {44'(p00[42:17]) + 44'(p10), p00[16:0]};
            s26 <= {p01[37:8] + p20, p01[7:0]};
            s43 <= {p11[20:8] + p30, p11[7:0]};
            s52 <= {p02[11:8] + p21, p02[7:0]};
            t0  <= {38'(s0[60:26]) + s26, s0[25:0]};
            t43 <= {s43[20:9] + s52, s43[8:0]};
            p   <= {t0[63:43] + t43, t0[42:0]};
        end
    end
endmodule
