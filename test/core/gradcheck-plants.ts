import type { Kernels } from '../../src/contract/kernels.js';
import type { GradcheckOptions } from '../../src/core/gradcheck.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { live, withFormulas, withInstructions } from '../support/kernels.js';

import { E, H1, H2, N, O, REGRESSION } from './gradcheck-support.js';

export interface Plant {
  readonly name: string;
  readonly kernels: () => Kernels;
  readonly spec?: ModelSpec;
  readonly options?: GradcheckOptions;
  /** The tensor with the largest error must be one of these. */
  readonly worst: RegExp;
  /** These must pass, because the error does not affect them. */
  readonly clean?: RegExp;
}

/** Everything that the head's gradients do not depend on. */
export const BELOW = /^(lstm|embedding)/;
export const HEAD = /^head\./;

export const cellPlants: Plant[] = [
  {
    name: '(B4) dc without the factor o',
    kernels: () => withFormulas({ dc: (u) => u.dcAfter + u.dh * (1 - u.tc ** 2) }),
  },
  { name: '(B4) dc without (1 - tc^2)', kernels: () => withFormulas({ dc: (u) => u.dcAfter + u.dh * u.o }) },
  {
    name: '(B4) dc with (1 - c^2)',
    kernels: () => withFormulas({ dc: (u) => u.dcAfter + u.dh * u.o * (1 - u.c ** 2) }),
  },
  { name: '(B4) dc without dc+', kernels: () => withFormulas({ dc: (u) => u.dh * u.o * (1 - u.tc ** 2) }) },
  { name: '(B4) dc only dc+', kernels: () => withFormulas({ dc: (u) => u.dcAfter }) },
  { name: '(B4) do by c instead of tanh c', kernels: () => withFormulas({ dO: (u) => u.dh * u.c }) },
  { name: '(B4) do missing', kernels: () => withFormulas({ dO: () => 0 }) },
  { name: '(B3) di by i', kernels: () => withFormulas({ di: (u, dc) => dc * u.i }) },
  { name: '(B3) dg by g', kernels: () => withFormulas({ dg: (u, dc) => dc * u.g }) },
  { name: '(B3) df by c instead of c-', kernels: () => withFormulas({ df: (u, dc) => dc * u.c }) },
  { name: '(B3) dc- by i', kernels: () => withFormulas({ dcBefore: (u, dc) => dc * u.i }) },
  { name: '(B3) dc- without f', kernels: () => withFormulas({ dcBefore: (_, dc) => dc }) },
  { name: '(B3) dc- missing', kernels: () => withFormulas({ dcBefore: () => 0 }) },
  { name: '(B2) dai without (1 - i)', kernels: () => withFormulas({ dai: (u, di) => di * u.i }) },
  { name: '(B2) daf without (1 - f)', kernels: () => withFormulas({ daf: (u, df) => df * u.f }) },
  { name: '(B2) dao without (1 - o)', kernels: () => withFormulas({ dao: (u, dO) => dO * u.o }) },
  { name: '(B2) dai without i', kernels: () => withFormulas({ dai: (u, di) => di * (1 - u.i) }) },
  { name: '(B2) dag by (1 - g)', kernels: () => withFormulas({ dag: (u, dg) => dg * (1 - u.g) }) },
  { name: '(B2) dag by g (1 - g)', kernels: () => withFormulas({ dag: (u, dg) => dg * u.g * (1 - u.g) }) },
].map((plant) => ({ ...plant, worst: BELOW, clean: HEAD }));

export const H_OF = new Map([
  [4 * H1, H1],
  [4 * H2, H2],
]);

export const productPlants: Plant[] = [
  {
    name: '(B1) dh- dropped',
    kernels: () =>
      withInstructions((k) => ({
        gemmPacked: (out, a, b, add) => {
          if (b.rows !== 4 * b.cols) k.gemmPacked(out, a, b, add); // Wh' is (4H, H)
        },
      })),
    worst: BELOW,
    clean: HEAD,
  },
  {
    name: '(B1) dh- assigned, where the layer above has already put its share',
    kernels: () =>
      withInstructions((k) => ({
        gemmPacked: (out, a, b, add) => k.gemmPacked(out, a, b, add && b.rows !== 4 * b.cols),
      })),
    worst: BELOW,
    clean: HEAD,
  },
  {
    name: '(B1) dh- by the gates instead of da',
    kernels: () => {
      let gates: Parameters<Kernels['lstmCell']>[0]['gates'] | null = null;
      return withInstructions((k) => ({
        lstmCellGrad: (d, dcPrev, y, cPrev) => {
          gates = y.gates;
          k.lstmCellGrad(d, dcPrev, y, cPrev);
        },
        gemmPacked: (out, a, b, add) => k.gemmPacked(out, b.rows === 4 * b.cols ? gates! : a, b, add),
      }));
    },
    worst: BELOW,
    clean: HEAD,
  },
  {
    name: '(B1) dWx dropped',
    kernels: () =>
      withInstructions((k) => ({
        gemm: (out, a, b, o) => {
          if (!(o?.transA && out.rows === 4 * H1 && out.cols === E)) k.gemm(out, a, b, o);
        },
      })),
    worst: /^lstm\.weight_ih_l0$/,
    clean: /^(?!lstm\.weight_ih_l0$)/,
  },
  {
    name: '(B1) dWx of the second layer negated',
    kernels: () =>
      withInstructions((k) => ({
        gemm: (out, a, b, o) => {
          k.gemm(out, a, b, o);
          if (o?.transA && out.rows === 4 * H2 && out.cols === H1) {
            live(k, out).forEach((v, at, all) => {
              all[at] = -v;
            });
          }
        },
      })),
    worst: /^lstm\.weight_ih_l1$/,
    clean: /^(?!lstm\.weight_ih_l1$)/,
  },
  {
    name: '(B1) dWh by h instead of h-',
    kernels: () =>
      withInstructions((k) => ({
        gemm: (out, a, b, o) => {
          if (!(o?.transA && H_OF.get(out.rows) === out.cols)) return k.gemm(out, a, b, o);
          const hBefore = live(k, b); // h- is h one block earlier in the same memory
          const oneStepOn = new Float64Array(hBefore.buffer, hBefore.byteOffset + N * b.cols * 8, hBefore.length);
          const h = k.alloc(b.rows, b.cols);
          k.upload(h, oneStepOn);
          k.gemm(out, a, h, o);
        },
      })),
    worst: /^lstm\.weight_hh_l[01]$/,
    clean: /^(?!lstm\.weight_hh)/,
  },
  {
    name: '(B1) dWh without the first step',
    kernels: () =>
      withInstructions((k) => ({
        gemm: (out, a, b, o) => {
          if (!(o?.transA && H_OF.get(out.rows) === out.cols)) return k.gemm(out, a, b, o);
          const rows = a.rows - N;
          k.gemm(out, k.view(a, N * a.cols, rows, a.cols), k.view(b, N * b.cols, rows, b.cols), o);
        },
      })),
    worst: /^lstm\.weight_hh_l[01]$/,
    clean: /^(?!lstm\.weight_hh)/,
  },
  {
    name: '(B1) db dropped',
    kernels: () =>
      withInstructions((k) => ({
        sumRows: (out, a) => {
          if (!H_OF.has(out.cols)) k.sumRows(out, a);
        },
      })),
    worst: /^lstm\.bias/,
    clean: /^(?!lstm\.bias)/,
  },
  {
    name: '(B1) db of the last row only',
    kernels: () =>
      withInstructions((k) => ({
        sumRows: (out, a) =>
          H_OF.has(out.cols) ? k.copy(out, k.view(a, (a.rows - 1) * a.cols, 1, a.cols)) : k.sumRows(out, a),
      })),
    worst: /^lstm\.bias/,
    clean: /^(?!lstm\.bias)/,
  },
  {
    name: '(B1) db to the first of the two biases only',
    kernels: () =>
      withInstructions((k) => {
        let backward = false;
        let calls = 0;
        return {
          pack: (out, b, trans) => {
            backward = !trans; // the backward pass packs Wh', the forward pass Wh
            calls = 0;
            k.pack(out, b, trans);
          },
          add: (out, a, b) => {
            if (!backward || ++calls === 1) k.add(out, a, b);
          },
        };
      }),
    worst: /^lstm\.bias_hh_l[01]$/,
    clean: /^(?!lstm\.bias_hh)/,
  },
  {
    name: '(B1) dx of the second layer with the wrong sign',
    kernels: () =>
      withInstructions((k) => ({
        gemm: (out, a, b, o) => {
          k.gemm(out, a, b, o);
          if (!o && b.rows === 4 * H2) {
            live(k, out).forEach((v, at, all) => {
              all[at] = -v;
            });
          }
        },
      })),
    worst: /^(embedding|lstm\..*_l0$|lstm initial)/,
    clean: /^(head|lstm\..*_l1$|lstm_l1)/,
  },
  {
    name: '(B1) dx of the first layer with the wrong sign',
    spec: REGRESSION,
    kernels: () =>
      withInstructions((k) => ({
        gemm: (out, a, b, o) => {
          k.gemm(out, a, b, o);
          if (!o && b.rows === 4 * H1) {
            live(k, out).forEach((v, at, all) => {
              all[at] = -v;
            });
          }
        },
      })),
    worst: /^input$/,
    clean: /^(?!input$)/,
  },
  {
    name: "(A1') dx dropped",
    kernels: () =>
      withInstructions((k) => ({
        gemm: (out, a, b, o) => {
          if (o || b.rows !== O) k.gemm(out, a, b, o);
        },
      })),
    worst: BELOW,
    clean: HEAD,
  },
  {
    name: "(A1') dW with rows of dy that are not summed",
    kernels: () =>
      withInstructions((k) => ({
        gemm: (out, a, b, o) => {
          if (!(o?.transA && out.rows === O)) return k.gemm(out, a, b, o);
          k.gemm(out, k.view(a, 0, 1, a.cols), k.view(b, 0, 1, b.cols), o);
        },
      })),
    worst: /^head\.weight$/,
    clean: /^(?!head\.weight$)/,
  },
  {
    name: "(A1') db dropped",
    kernels: () =>
      withInstructions((k) => ({
        sumRows: (out, a) => {
          if (out.cols !== O) k.sumRows(out, a);
        },
      })),
    worst: /^head\.bias$/,
    clean: /^(?!head\.bias$)/,
  },
  {
    name: "(E1') assigned, so that a token that comes again counts once",
    kernels: () =>
      withInstructions((k) => ({
        scatterAddRows: (table, ids, a) => {
          ids.forEach((id, r) => {
            k.copy(k.view(table, id * a.cols, 1, a.cols), k.view(a, r * a.cols, 1, a.cols));
          });
        },
      })),
    worst: /^embedding\.weight$/,
    clean: /^(?!embedding)/,
  },
  {
    name: "(E1') added to the row after",
    kernels: () =>
      withInstructions((k) => ({
        scatterAddRows: (table, ids, a) =>
          k.scatterAddRows(
            table,
            ids.map((id) => (id + 1) % table.rows),
            a,
          ),
      })),
    worst: /^embedding\.weight$/,
    clean: /^(?!embedding)/,
  },
];
