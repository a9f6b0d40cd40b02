/** Makes settings fit short data: fewer time steps per window, and fewer streams. */
import type { UserData } from '../engine/tasks/task.js';
import { LIMITS, type Settings } from '../settings.js';

/** The share of a text or table that is used for training; the rest is used for validation. */
const TRAINING_SHARE = 0.9;
/** Rows that a window needs in addition to its steps. */
const EXTRA_ROWS = 3;

export function settingsFor(data: NonNullable<UserData>, settings: Settings): Settings {
  const { steps, batchSize } = settings;
  const [minSteps] = LIMITS.steps;
  if (data.kind === 'table') {
    const validation = data.rows.length - Math.floor(data.rows.length * TRAINING_SHARE);
    return { ...settings, steps: Math.max(minSteps, Math.min(steps, validation - EXTRA_ROWS)) };
  }
  const characters = Math.floor(data.text.length * TRAINING_SHARE) - 1;
  return { ...settings, batchSize: Math.max(1, Math.min(batchSize, Math.floor(characters / steps))) };
}
