/** The walk through all stages of all time steps: where it is, and how it moves. */
import { useEffect, useState } from 'preact/hooks';
import { time, traced, tracedLayer } from '../state.js';
import { FORWARD, isBackward, type StageId } from './stages.js';
import { indexOf, positionAt, walkLength } from './walk.js';

/** Milliseconds per stage. */
export const SPEEDS = { slow: 1200, medium: 450, fast: 90 } as const;
export type Speed = keyof typeof SPEEDS;

export interface Walk {
  readonly t: number;
  readonly id: StageId;
  readonly backward: boolean;
  readonly index: number;
  /** The last index. */
  readonly last: number;
  readonly playing: boolean;
  readonly speed: Speed;
  setStage(id: StageId): void;
  setPlaying(playing: boolean): void;
  setSpeed(speed: Speed): void;
  goTo(index: number): void;
  onKeyDown(event: KeyboardEvent): void;
}

/** The index that a key moves to; undefined for other keys. */
const targetOf = (key: string, index: number, last: number): number | undefined =>
  ({
    ArrowRight: index + 1,
    ArrowLeft: index - 1,
    Home: 0,
    End: last,
    PageDown: index + FORWARD.length,
    PageUp: index - FORWARD.length,
  })[key];

/** Whether the focused element uses the keys. */
const usesKeys = (target: EventTarget | null): boolean =>
  (target instanceof HTMLInputElement && target.type !== 'range') ||
  target instanceof HTMLSelectElement ||
  target instanceof HTMLTextAreaElement;

export function useWalk(): Walk {
  const [id, setStage] = useState<StageId>('F3');
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState<Speed>('medium');
  const steps = traced.value?.trace.steps ?? 1;
  const reverse = tracedLayer.value?.reverse ?? false;
  const t = Math.min(time.value, steps - 1);
  const index = indexOf({ t, id }, steps, reverse);
  const last = walkLength(steps) - 1;
  const goTo = (to: number): void => {
    const position = positionAt(Math.max(0, Math.min(last, to)), steps, reverse);
    setStage(position.id);
    time.value = position.t;
  };
  useEffect(() => {
    if (!playing) return;
    const timer = setTimeout(() => (index >= last ? setPlaying(false) : goTo(index + 1)), SPEEDS[speed]);
    return () => clearTimeout(timer);
  });
  const onKeyDown = (event: KeyboardEvent): void => {
    if (usesKeys(event.target)) return;
    const to = targetOf(event.key, index, last);
    if (to !== undefined) goTo(to);
    else if (event.key === ' ' && !(event.target instanceof HTMLButtonElement)) setPlaying(!playing);
    else return;
    event.preventDefault();
  };
  const backward = isBackward(id);
  return { t, id, backward, index, last, playing, speed, setStage, setPlaying, setSpeed, goTo, onKeyDown };
}
