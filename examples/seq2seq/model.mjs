/**
 * An encoder and a decoder with attention, built from Unspool's public API: two models on one backend, with their tapes connected
 * explicitly, and a parameter arena for the attention weights.
 *
 * The encoder reads the question, rows of unequal lengths; its outputs are e, and its last state starts the decoder. The
 * decoder runs a step at a time. At step t, u_t being the one-hot symbol before (teacher forcing: the right one):
 *
 *   dot, general (Luong)     h_t = LSTM(u_t, h_{t-1});            c_t = attend(h_t, e)
 *   additive (Bahdanau)      c_t = attend(h_{t-1}, e);            h_t = LSTM([u_t, c_t], h_{t-1})
 *   none                     h_t = LSTM(u_t, h_{t-1});            c_t = 0
 *   (R1) z_t = tanh(C [h_t, c_t] + b);   (R2) logits = Y z_t + y;   the loss is the mean cross-entropy of all answers
 *
 * Backwards from the last step to the first: (R2') dz = Y' dlogits, dY += dlogits z', (R1') da = dz (1 - z^2),
 * d[h, c] = C' da, dC += da [h, c]'. Then dc goes through the attention and dh through the decoder's tape. The gradient of the
 * decoder's state is passed to the previous step, and from the first step to the encoder; de is dL/dy of the encoder.
 */
import { Arena, createModel, ParameterLayout } from 'unspool';
import { attend, attendGrad, attentionParameters, keysGrad, keysOf } from './attention.mjs';
import { END } from './task.mjs';

export class Seq2Seq {
  /** `attention`: none, dot, general or additive. `symbols`: the number of symbols without END. */
  static async create(kernels, { attention, symbols, hiddenSize, seed = 1 }) {
    const V = symbols + 1;
    const H = hiddenSize;
    const lstm = { kind: 'lstm', hiddenSize: H, bias: 'single' };
    const layers = [{ kind: 'embedding', size: V, width: V }, lstm];
    const encoder = await createModel({ seed, layers }, { kernels, lengths: true });
    const inputSize = V + (attention === 'additive' ? H : 0);
    const decoder = await createModel({ seed: seed + 1, inputSize, layers: [lstm] }, { kernels });
    const layout = new ParameterLayout([
      ...attentionParameters(attention, H),
      { name: 'C', shape: [H, 2 * H] },
      { name: 'b', shape: [H] },
      { name: 'Y', shape: [V, H] },
      { name: 'y', shape: [V] },
    ]);
    return new Seq2Seq(kernels, attention, { V, H }, encoder, decoder, new Arena(kernels, layout));
  }

  constructor(kernels, attention, { V, H }, encoder, decoder, readout) {
    Object.assign(this, { kernels, attention, V, H, encoder, decoder, readout });
    this.tapes = new Map();
  }

  /** Models and arena with their gradients: what an optimizer is run over. */
  get parts() {
    this.arenas ??= [this.encoder.arena(), this.decoder.arena(), new Arena(this.kernels, this.readout.layout)];
    const parameters = [this.encoder.parameters, this.decoder.parameters, this.readout];
    return parameters.map((arena, i) => ({ parameters: arena, gradients: this.arenas[i] }));
  }

  /** Tapes are used again for batches of the same sizes. */
  tape(key, make) {
    if (!this.tapes.has(key)) this.tapes.set(key, make());
    return this.tapes.get(key);
  }

  /** Live memory of a matrix, or of the readout's tensors by name. */
  host(matrix) {
    return this.kernels.host(matrix);
  }

  tensors(arena) {
    return Object.fromEntries(arena.layout.entries.map(({ name }) => [name, this.host(arena.handle(name))]));
  }

  /**
   * The answers' logits, and all that the backward pass needs. Without `answers` the decoder hears what it has said itself.
   */
  forward({ rows: N, S, T, lengths, questions, answers = null }) {
    const { V, H, attention, kernels: k } = this;
    const p = this.tensors(this.readout);
    const encoding = this.tape(`encoder ${S} ${N}`, () =>
      this.encoder.tape({ steps: S, batchSize: N }, { lengths: true }),
    );
    encoding.setLengths(lengths);
    encoding.begin();
    encoding.forward(this.encoder.parameters, questions);
    const outputs = this.host(encoding.layers.at(-1).y);
    // Row by row, since attention looks at one sequence at a time.
    const e = lengths.map((length, n) => {
      const own = new Float64Array(length * H);
      for (let j = 0; j < length; j++) own.set(outputs.subarray((j * N + n) * H, (j * N + n + 1) * H), j * H);
      return own;
    });
    const keys = e.map((own, n) => keysOf(attention, p, own, lengths[n], H));
    const steps = [];
    let said = new Int32Array(N).fill(END);
    for (let t = 0; t < T; t++) {
      const tape = this.tape(`decoder ${t} ${N}`, () => this.decoder.tape({ steps: 1, batchSize: N }));
      const before = t === 0 ? encoding.lstm().finalState() : steps[t - 1].tape.lstm().finalState();
      const { h: h0, c: c0 } = tape.lstm().initialState();
      tape.begin();
      k.copy(h0, before.h);
      k.copy(c0, before.c);
      const looks = [];
      const look = (queries) => {
        for (let n = 0; n < N; n++) {
          const query = Float64Array.from(queries.subarray(n * H, (n + 1) * H));
          looks.push(attend(attention, p, query, e[n], keys[n], lengths[n]));
        }
      };
      if (attention === 'additive') look(this.host(h0));
      const width = tape.input.x.cols;
      const x = new Float64Array(N * width);
      for (let n = 0; n < N; n++) {
        x[n * width + said[n]] = 1;
        if (attention === 'additive') x.set(looks[n].c, n * width + V);
      }
      tape.forward(this.decoder.parameters, x);
      const h = this.host(tape.layers.at(-1).y);
      if (attention === 'dot' || attention === 'general') look(h);
      const step = { tape, looks, ...this.read(p, h, looks, N) };
      steps.push(step);
      said = Int32Array.from({ length: N }, (_, n) => {
        const right = answers?.[t * N + n] ?? -1;
        if (answers) return right < 0 ? END : right;
        const row = step.logits.subarray(n * V, (n + 1) * V);
        return row.indexOf(Math.max(...row));
      });
    }
    return { encoding, e, steps, N, lengths };
  }

  /** (R1), (R2) of one step. */
  read(p, h, looks, N) {
    const { V, H } = this;
    const [joined, z, logits] = [new Float64Array(N * 2 * H), new Float64Array(N * H), new Float64Array(N * V)];
    for (let n = 0; n < N; n++) {
      joined.set(h.subarray(n * H, (n + 1) * H), n * 2 * H);
      if (looks[n]) joined.set(looks[n].c, n * 2 * H + H);
      for (let r = 0; r < H; r++) {
        let a = p.b[r];
        for (let c = 0; c < 2 * H; c++) a += p.C[r * 2 * H + c] * joined[n * 2 * H + c];
        z[n * H + r] = Math.tanh(a); // (R1)
      }
      for (let v = 0; v < V; v++) {
        let sum = p.y[v];
        for (let r = 0; r < H; r++) sum += p.Y[v * H + r] * z[n * H + r];
        logits[n * V + v] = sum; // (R2)
      }
    }
    return { joined, z, logits };
  }

  /** Mean cross-entropy of the answers, and its gradient by each step's logits. */
  loss({ steps, N }, answers) {
    const { V } = this;
    const count = answers.reduce((sum, a) => sum + (a >= 0 ? 1 : 0), 0);
    let total = 0;
    const dlogits = steps.map(({ logits }, t) => {
      const d = new Float64Array(N * V);
      for (let n = 0; n < N; n++) {
        const target = answers[t * N + n];
        if (target < 0) continue;
        const row = logits.subarray(n * V, (n + 1) * V);
        const top = Math.max(...row);
        const sum = row.reduce((s, x) => s + Math.exp(x - top), 0);
        total -= row[target] - top - Math.log(sum);
        for (let v = 0; v < V; v++) d[n * V + v] = (Math.exp(row[v] - top) / sum - (v === target ? 1 : 0)) / count;
      }
      return d;
    });
    return { loss: total / count, dlogits };
  }

  /** Fills the gradients of all parts. */
  backward({ encoding, e, steps, N, lengths }, dlogits) {
    const { V, H, attention, kernels: k } = this;
    for (const { gradients } of this.parts) gradients.clear();
    const [dEncoder, dDecoder, dReadout] = this.parts.map(({ gradients }) => gradients);
    const [p, d] = [this.tensors(this.readout), this.tensors(dReadout)];
    const de = e.map((own) => new Float64Array(own.length));
    const dKeys = e.map((own) => new Float64Array(own.length));
    let after = []; // what comes back through the decoder's state
    const dhLater = new Float64Array(N * H); // and what a later query asks of h
    for (let t = steps.length - 1; t >= 0; t--) {
      const { tape, looks } = steps[t];
      const { dh, dc } = this.readGrad(p, d, steps[t], dlogits[t], N);
      if (attention === 'dot' || attention === 'general') {
        looks.forEach((seen, n) => {
          const dq = dh.subarray(n * H, (n + 1) * H);
          attendGrad(attention, p, d, seen, dc.subarray(n * H, (n + 1) * H), dq, de[n], null);
        });
      }
      for (let i = 0; i < dh.length; i++) dh[i] += dhLater[i];
      dhLater.fill(0);
      k.upload(tape.layers.at(-1).dy, dh);
      tape.backward(this.decoder.parameters, dDecoder, after);
      if (attention === 'additive') {
        const dx = this.host(tape.input.dx);
        looks.forEach((seen, n) => {
          const whole = Float64Array.from({ length: H }, (_, h) => dc[n * H + h] + dx[n * (V + H) + V + h]);
          attendGrad(attention, p, d, seen, whole, dhLater.subarray(n * H, (n + 1) * H), de[n], dKeys[n]);
        });
      }
      after = [tape.lstm().initialStateGrad()];
    }
    for (let n = 0; attention === 'additive' && n < N; n++) keysGrad(p, d, e[n], dKeys[n], de[n], lengths[n], H);
    // The first query was the encoder's last state.
    const first = after[0].h;
    const moved = this.host(first);
    for (let i = 0; i < dhLater.length; i++) moved[i] += dhLater[i];
    const dy = new Float64Array(encoding.shape.steps * N * H);
    de.forEach((own, n) => {
      for (let j = 0; j < lengths[n]; j++) dy.set(own.subarray(j * H, (j + 1) * H), (j * N + n) * H);
    });
    k.upload(encoding.layers.at(-1).dy, dy);
    encoding.backward(this.encoder.parameters, dEncoder, after);
  }

  /** (R2'), (R1') of one step. */
  readGrad(p, d, { joined, z }, dlogits, N) {
    const { V, H } = this;
    const [dh, dc] = [new Float64Array(N * H), new Float64Array(N * H)];
    for (let n = 0; n < N; n++) {
      const dz = new Float64Array(H);
      for (let v = 0; v < V; v++) {
        const dl = dlogits[n * V + v];
        d.y[v] += dl;
        for (let r = 0; r < H; r++) {
          dz[r] += p.Y[v * H + r] * dl; // (R2')
          d.Y[v * H + r] += dl * z[n * H + r];
        }
      }
      for (let r = 0; r < H; r++) {
        const da = dz[r] * (1 - z[n * H + r] ** 2); // (R1')
        d.b[r] += da;
        for (let c = 0; c < 2 * H; c++) {
          d.C[r * 2 * H + c] += da * joined[n * 2 * H + c];
          const back = p.C[r * 2 * H + c] * da;
          if (c < H) dh[n * H + c] += back;
          else dc[n * H + c - H] += back;
        }
      }
    }
    return { dh, dc };
  }

  /** Loss of a batch, and its gradient in `parts`. */
  gradients(batch) {
    const pass = this.forward(batch);
    const { loss, dlogits } = this.loss(pass, batch.answers);
    this.backward(pass, dlogits);
    return loss;
  }
}
