/** The engine's worker: everything that computes, away from the page, one thing after the other. */
import { expose } from 'comlink';
import type { Engine, Progress } from './api.js';
import { Session } from './session.js';

const TOLD_EVERY = 70; // ms between two progresses
const SAMPLED_EVERY = 2500;

let session: Session | null = null;
/** The run that goes on; one that is not it any more comes to its end. */
let playing: symbol | null = null;
/** Updates a second. */
let pace = Number.POSITIVE_INFINITY;
/** Ends the pause between two updates. */
let wake = (): void => {};
/** The end of what was asked for before. */
let last: Promise<unknown> = Promise.resolve();

/** Passes do not mix: each waits for the one before it. */
function inTurn<T>(act: () => T | Promise<T>): Promise<T> {
  const turn = last.then(act, act);
  last = turn.catch(() => {});
  return turn;
}

function current(): Session {
  if (!session) throw new Error('Nothing is set up yet.');
  return session;
}

/** Lets messages in. */
const breath = (ms = 0): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
    wake = resolve;
  });

function stop(): void {
  playing = null;
  wake();
}

/** Collects what happens between two messages to the page. */
class Teller {
  private updates: [number, number, number][] = [];
  private validation: [number, number][] = [];
  private epoch = 1;
  private step = 0;
  private told = performance.now();
  private sampled = Number.NEGATIVE_INFINITY;
  private readonly tell: (progress: Progress) => void;

  constructor(tell: (progress: Progress) => void) {
    this.tell = tell;
  }

  /** One event of the training. Returns its kind. */
  async advance(one: Session): Promise<'update' | 'validation' | 'epoch' | 'end'> {
    const event = await one.next();
    if (!event || event.kind === 'end') return 'end';
    this.step = event.update;
    this.epoch = event.epoch;
    if (event.kind === 'update') this.updates.push([event.update, one.measure(event.loss), event.gradientNorm]);
    if (event.kind === 'validation') this.validation.push([event.update, one.measure(event.loss)]);
    return event.kind;
  }

  async report(one: Session | null, state: Progress['state'], problem: string | null = null): Promise<void> {
    const now = performance.now();
    if (state === 'playing' && now - this.told < TOLD_EVERY) return;
    const samples = one && (state === 'paused' || now - this.sampled > SAMPLED_EVERY);
    if (samples) this.sampled = now;
    const sample = samples ? await inTurn(() => one.sample()).catch(() => null) : null;
    const { updates, validation, epoch, step } = this;
    const updatesPerSecond = (1000 * updates.length) / Math.max(1, now - this.told);
    this.tell({ updates, validation, epoch, step, updatesPerSecond, sample, state, problem });
    [this.updates, this.validation, this.told] = [[], [], performance.now()];
  }
}

/** Until `over` says so, it is paused, or something goes wrong; what went wrong is told in words. */
async function run(
  tell: (progress: Progress) => void,
  perSecond: number,
  over: (kind: string) => boolean,
): Promise<void> {
  const one = current();
  const own = Symbol('run');
  playing = own;
  pace = perSecond;
  const teller = new Teller(tell);
  let due = performance.now();
  let breathed = due;
  try {
    while (playing === own && session === one) {
      const kind = await inTurn(() => teller.advance(one));
      if (kind === 'end' || over(kind)) break;
      await teller.report(one, 'playing');
      if (kind === 'update') due += 1000 / pace;
      const now = performance.now();
      if (Number.isFinite(pace) && due > now) await breath(due - now);
      else if (now - breathed > 12) await breath();
      breathed = performance.now();
      due = Math.min(breathed, Math.max(due, breathed - 250)); // what was missed is not made up for
    }
    if (playing === own) playing = null;
    await teller.report(session === one ? one : null, 'paused');
  } catch (error) {
    if (playing === own) playing = null;
    await teller.report(null, 'failed', error instanceof Error ? error.message : String(error));
  }
}

async function replace(make: () => Promise<Session>) {
  stop();
  return inTurn(async () => {
    const made = await make();
    session?.dispose();
    session = made;
    return made.facts;
  });
}

const engine: Engine = {
  setUp: (settings, own) => replace(() => Session.begin(settings, own)),
  open: (bytes, name, settings, own) => replace(() => Session.open(bytes, name, settings, own)),
  async play(tell, perSecond) {
    if (playing) return;
    await run(tell, perSecond, () => false);
  },
  async pace(perSecond) {
    pace = perSecond;
    wake();
  },
  async pause() {
    stop();
  },
  async advance(by, tell) {
    if (playing) return;
    let ended = false; // the held-out loss is measured right behind an epoch's end
    await run(tell, Number.POSITIVE_INFINITY, (kind) => {
      if (by === 'update') return kind === 'update';
      ended ||= kind === 'epoch';
      return ended && kind === 'validation';
    });
  },
  look: (index, changes) => inTurn(() => current().look(index, changes)),
  reach: (index, t) => inTurn(() => current().reach(index, t)),
  setWeight: (place, value) => inTurn(() => current().setWeight(place, value)),
  difference: (index, place) => inTurn(() => current().difference(index, place)),
  estimate: (index, names) => inTurn(() => current().estimate(index, names)),
  sweep: (rates, updates) => inTurn(() => current().sweep(rates, updates)),
  streamed: (steps) => inTurn(() => current().streamed(steps)),
  save: () => inTurn(() => current().save()),
  ping: async () => true,
};

expose(engine);
