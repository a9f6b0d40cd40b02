/** What the units of a model track in a text: the reading, the test, and its results in words. */
import { createRng } from '../../index.js';
import { cellStates, textFeatures, type UnitCorrelations, unitCorrelations } from '../../inspect/index.js';
import type { Table } from '../../lab/experiments/experiment.js';
import { loadModel } from '../../node/index.js';
import { grouped } from '../output.js';
import type { TrackedText } from './subject.js';

/** The results of `unitCorrelations`, and what they were computed from. */
export interface Tracking extends UnitCorrelations {
  /** The text in a few words. */
  readonly text: string;
  /** Number of characters that were read. */
  readonly characters: number;
  /** The character at which the reading ended because the model does not know it; null if it did not. */
  readonly unknownCharacter: string | null;
  /** Number of units of all layers. */
  readonly units: number;
  /** Number of units that the same test finds with the features of the same characters in random order: by chance. */
  readonly findingsWhenShuffled: number;
  /** The cell states by layer, [characters, units]. */
  readonly states: Awaited<ReturnType<typeof cellStates>>;
}

/** Reads the text on the default backend: rounding errors do not matter here, and the text is long. */
export async function trackingOf(file: string, { characters, tokens, unknown, of }: TrackedText): Promise<Tracking> {
  const { model } = await loadModel(file);
  try {
    const states = await cellStates(model, tokens);
    const shuffled = textFeatures(shuffledOf(characters).join(''));
    return {
      ...unitCorrelations(states, textFeatures(characters.join(''))),
      text: of,
      characters: characters.length,
      unknownCharacter: unknown,
      units: Object.values(states).reduce((sum, { cols }) => sum + cols, 0),
      findingsWhenShuffled: unitCorrelations(states, shuffled).findings.length,
      states,
    };
  } finally {
    model.dispose();
  }
}

/** The same characters in random order (Fisher & Yates), the same at each call. */
function shuffledOf(characters: readonly string[]): string[] {
  const rng = createRng(1, 'shuffle');
  const order = [...characters];
  for (let i = order.length - 1; i > 0; i--) {
    const j = rng.integer(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** Units in the table for each feature. */
const SHOWN = 3;

/** The units that follow each feature most closely. */
export function strongest({ findings, features }: Tracking, count: number): UnitCorrelations['findings'] {
  const groups = features.map(({ feature }) => findings.filter((one) => one.feature === feature).slice(0, count));
  return groups.flat().sort((a, b) => Math.abs(b.correlation) - Math.abs(a.correlation));
}

export function trackTable(tracking: Tracking): Table {
  return {
    title: `What units track, in ${grouped(tracking.steps)} characters of ${tracking.text}`,
    columns: ['layer', 'unit', 'feature', 'partial r', 'p', 'support'],
    rows: strongest(tracking, SHOWN).map(({ layer, unit, feature, correlation, pValue, support, event }) => [
      ...[layer, unit, feature, correlation.toFixed(2), pValue.toFixed(3)],
      `${grouped(support)} ${event}`,
    ]),
  };
}

/** What was found and how, and what was not tested, one sentence each. */
export function trackingNotes(tracking: Tracking): string[] {
  const { findings, features, steps, shifts, units, minSteps, text, unknownCharacter, characters } = tracking;
  const notes: string[] = [];
  const tested = features.filter(({ status }) => status === 'tested');
  if (unknownCharacter !== null)
    notes.push(
      `Reading stops at character ${grouped(characters + 1)}, ${JSON.stringify(unknownCharacter)}, which the model does not know.`,
    );
  if (steps < minSteps) {
    notes.push(
      `What units track: not tested. ${grouped(characters)} characters of ${text} are too few to exclude chance; at least ${grouped(minSteps)} are needed. Use --text @FILE with a longer text.`,
    );
    return notes;
  }
  if (findings.length > 0) {
    const counts = features
      .map(({ feature }) => [feature, findings.filter((one) => one.feature === feature).length] as const)
      .filter(([, count]) => count > 0)
      .sort((a, b) => b[1] - a[1]);
    notes.push(
      `${grouped(findings.length)} of ${grouped(units)} units follow a feature more closely than chance explains: ${counts.map(([feature, count]) => `${feature} ${grouped(count)}`).join(', ')}.`,
      'partial r: correlation of c with the feature, given the position in the text.',
      `p: how often chance gives such an r in any of ${grouped(units)} units and ${tested.length} features (${shifts} circular shifts of the text against the states).`,
      `Check: the same test with the characters in random order finds ${grouped(tracking.findingsWhenShuffled)} units.`,
    );
  } else if (tested.length > 0) notes.push(nothingFound(tracking, tested.length));
  const untested = features.filter(({ status }) => status === 'too few events');
  if (untested.length > 0)
    notes.push(`Not tested, because of too few events: ${untested.map(whyUntested).join('; ')}.`);
  return notes;
}

function nothingFound({ steps, text, units, detectable }: Tracking, tested: number): string {
  const start = `What units track: nothing found in ${grouped(steps)} characters of ${text}. Chance explains all correlations of ${grouped(units)} units and ${tested} features.`;
  if (detectable === null) return start;
  // The size of a correlation by chance falls with the square root of the length.
  return `${start} A partial correlation of about ${detectable.toFixed(2)} would have been found; for half of that, read about ${grouped(4 * steps)} characters.`;
}

function whyUntested({ feature, event, support, stepsNeeded }: UnitCorrelations['features'][number]): string {
  const more = stepsNeeded === null ? '' : `; about ${grouped(roundUp(stepsNeeded))} characters would be enough`;
  return `${feature} (${grouped(support)} ${event}${more})`;
}

/** To two digits. */
function roundUp(count: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(count)) - 1);
  return Math.ceil(count / unit) * unit;
}
