import type * as Plot from '@observablehq/plot';
import { useMemo, useState } from 'preact/hooks';
import { sweepLearningRates } from '../../actions.js';
import type { SweepResult } from '../../engine/api.js';
import { playing } from '../../state.js';
import { SERIES } from '../../ui/colors.js';
import { Figure } from '../../ui/Figure.js';
import { Legend, line, Result } from './parts.js';

const LEARNING_RATES = [0.0003, 0.003, 0.03, 0.3];
const UPDATES = 150;
const LEGEND = LEARNING_RATES.map((rate, i) => [`${rate}`, SERIES[i]!] as const);

/** The result with the lowest validation loss. */
const bestOf = (results: readonly SweepResult[]): SweepResult | undefined =>
  results
    .filter(({ validation }) => validation !== null && Number.isFinite(validation))
    .sort((a, b) => a.validation! - b.validation!)[0];

export function FineTuning() {
  const [results, setResults] = useState<readonly SweepResult[]>([]);
  const [busy, setBusy] = useState(false);
  const run = async (): Promise<void> => {
    setBusy(true);
    setResults((await sweepLearningRates(LEARNING_RATES, UPDATES)) ?? []);
    setBusy(false);
  };
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'update' },
      y: { label: 'loss', type: 'log', grid: true },
      marks: results.map(({ losses }, i) =>
        line(
          losses.filter(([, v]) => v > 0),
          SERIES[i]!,
        ),
      ),
    }),
    [results],
  );
  const best = bestOf(results);
  return (
    <>
      <button type="button" class="main" disabled={busy || playing.value} onClick={() => void run()}>
        {busy ? 'Training…' : `Train with four learning rates, ${UPDATES} updates each`}
      </button>
      <Figure
        title="Loss by learning rate"
        label={best ? `A learning rate of ${best.learningRate} has the lowest validation loss.` : 'No results yet.'}
        options={options}
        height={240}
      >
        <Legend entries={LEGEND} />
      </Figure>
      {best && <Result label="Learning rate with the lowest validation loss:" value={best.learningRate} />}
    </>
  );
}
