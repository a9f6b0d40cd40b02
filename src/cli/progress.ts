/** How far a training is: one line that is drawn again and again in a terminal, a plain line now and then elsewhere. */
import { bitsPerCharacter, type TrainingEvent } from '../index.js';
import { clock, grouped, type Output } from './output.js';

type StepEvent = Extract<TrainingEvent, { kind: 'update' }>;

const REDRAW_MS = 100;
const PLAIN_MS = 5000;

export class Progress {
  private readonly out: Output;
  private readonly epochs: number;
  private readonly started = performance.now();
  private drawnAt = Number.NEGATIVE_INFINITY;
  private characters = 0;
  private firstStep: number | null = null;
  /** Of the last batches, so that the number shown does not jump. */
  private smoothed: number | null = null;
  private drawn = false;

  constructor(out: Output, epochs: number) {
    this.out = out;
    this.epochs = epochs;
  }

  step(event: StepEvent): void {
    this.firstStep ??= event.update - 1;
    this.characters += event.count;
    this.smoothed = this.smoothed === null ? event.loss : 0.95 * this.smoothed + 0.05 * event.loss;
    const now = performance.now();
    const due = now - this.drawnAt >= (this.out.live ? REDRAW_MS : PLAIN_MS);
    if (!due && event.update < event.updates) return;
    this.drawnAt = now;
    if (this.out.live) this.draw(event, now);
    else this.out.say(`update ${event.update}/${event.updates}  ${this.figures(event, now)}`);
  }

  /** Takes the bar away, so that something else can be printed; the next step draws it again. */
  clear(): void {
    if (this.drawn) process.stdout.write('\r\x1b[2K');
    this.drawn = false;
    this.drawnAt = Number.NEGATIVE_INFINITY;
  }

  private figures(event: StepEvent, now: number): string {
    const seconds = (now - this.started) / 1000;
    const loss = this.smoothed!;
    const left = ((event.updates - event.update) * seconds) / Math.max(1, event.update - this.firstStep!);
    return (
      `loss ${loss.toFixed(3)}  ${bitsPerCharacter(loss).toFixed(3)} bits/char  ` +
      `${grouped(this.characters / seconds)} chars/s  ${clock(left)} left`
    );
  }

  private draw(event: StepEvent, now: number): void {
    const share = event.update / event.updates;
    const head = `epoch ${event.epoch}/${this.epochs} `;
    const tail = ` ${String(Math.floor(share * 100)).padStart(3)}%  ${this.figures(event, now)}`;
    const columns = process.stdout.columns || 80;
    const width = Math.max(0, Math.min(30, columns - head.length - tail.length - 1));
    const full = Math.round(share * width);
    const bar = `${'█'.repeat(full)}${'░'.repeat(width - full)}`;
    process.stdout.write(`\r\x1b[2K${(head + bar + tail).slice(0, columns - 1)}`);
    this.drawn = true;
  }
}
