/** Progress of a training: a bar that is redrawn in a terminal, a plain line every few seconds elsewhere. */
import { bitsPerCharacter, type TrainingEvent } from '../../index.js';
import { clock, grouped, type Output } from '../output.js';

type UpdateEvent = Extract<TrainingEvent, { kind: 'update' }>;

const REDRAW_MS = 100;
const PLAIN_MS = 5000;

export class Progress {
  private readonly out: Output;
  private readonly epochs: number;
  private readonly unit: 'chars' | 'steps';
  private readonly started = performance.now();
  private drawnAt = Number.NEGATIVE_INFINITY;
  private characters = 0;
  private firstUpdate: number | null = null;
  /** Moving average of the batch losses, so that the number shown is steady. */
  private smoothed: number | null = null;
  private drawn = false;

  /** @param unit what the model reads; the loss of characters is shown in bits, too */
  constructor(out: Output, epochs: number, unit: 'chars' | 'steps' = 'chars') {
    this.out = out;
    this.epochs = epochs;
    this.unit = unit;
  }

  update(event: UpdateEvent): void {
    this.firstUpdate ??= event.update - 1;
    this.characters += event.count;
    this.smoothed = this.smoothed === null ? event.loss : 0.95 * this.smoothed + 0.05 * event.loss;
    const now = performance.now();
    const isDue = now - this.drawnAt >= (this.out.live ? REDRAW_MS : PLAIN_MS);
    if (!isDue && event.update < event.updates) return;
    this.drawnAt = now;
    if (this.out.live) this.draw(event, now);
    else this.out.print(`update ${grouped(event.update)}/${grouped(event.updates)}  ${this.figures(event, now)}`);
  }

  /** Clears the bar, so that something else can be printed. The next update draws it again. */
  clear(): void {
    if (this.drawn) process.stdout.write('\r\x1b[2K');
    this.drawn = false;
    this.drawnAt = Number.NEGATIVE_INFINITY;
  }

  private figures(event: UpdateEvent, now: number): string {
    const seconds = (now - this.started) / 1000;
    const loss = this.smoothed!;
    const left = ((event.updates - event.update) * seconds) / Math.max(1, event.update - this.firstUpdate!);
    return (
      `loss ${loss.toFixed(this.unit === 'chars' ? 3 : 4)}  ` +
      `${this.unit === 'chars' ? `${bitsPerCharacter(loss).toFixed(3)} bits/char  ` : ''}` +
      `${grouped(this.characters / seconds)} ${this.unit}/s  ${clock(left)} left`
    );
  }

  private draw(event: UpdateEvent, now: number): void {
    const fraction = event.update / event.updates;
    const head = `epoch ${event.epoch}/${this.epochs} `;
    const tail = ` ${String(Math.floor(fraction * 100)).padStart(3)}%  ${this.figures(event, now)}`;
    const columns = process.stdout.columns || 80;
    const width = Math.max(0, Math.min(30, columns - head.length - tail.length - 1));
    const full = Math.round(fraction * width);
    const bar = `${'█'.repeat(full)}${'░'.repeat(width - full)}`;
    process.stdout.write(`\r\x1b[2K${(head + bar + tail).slice(0, columns - 1)}`);
    this.drawn = true;
  }
}
