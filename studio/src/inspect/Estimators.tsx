/** Gradient estimators, compared with the exact gradient of the selected sequence. */
import { useEffect, useState } from 'preact/hooks';
import { compareEstimators } from '../actions.js';
import type { EstimatorComparison, EstimatorResult } from '../engine/api.js';
import { describeEstimator } from '../estimators.js';
import { choices, traced } from '../state.js';

const SELECTED = ['bptt', 'tbptt:k1=4,k2=8', 'tbptt:k1=1,k2=1'];
const COLUMNS = ['estimator', 'cosine', 'norm ratio', 'variance', 'numbers in memory', 'multiply-adds'];

const formatCount = (value: number): string =>
  value < 1e4 ? String(Math.round(value)) : value.toExponential(1).replace('e+', 'e');

function ResultRow({ name, problem, cosine, normRatio, variance, floats, macs }: EstimatorResult) {
  return (
    <tr>
      <th scope="row">{name}</th>
      {problem === null ? (
        <>
          <td data-cosine={cosine}>{cosine.toFixed(3)}</td>
          <td>{normRatio.toPrecision(3)}</td>
          <td>{variance === 0 ? '0' : variance.toPrecision(2)}</td>
          <td>{formatCount(floats)}</td>
          <td>{formatCount(macs)}</td>
        </>
      ) : (
        <td colSpan={5} class="hint">
          {problem}
        </td>
      )}
    </tr>
  );
}

const Results = ({ update, results }: EstimatorComparison) => (
  <div class="wide">
    <p class="hint">After update {update.toLocaleString('en')}:</p>
    <table data-testid="estimators">
      <thead>
        <tr>
          {COLUMNS.map((title) => (
            <th key={title} scope="col">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {results.map((result) => (
          <ResultRow key={result.name} {...result} />
        ))}
      </tbody>
    </table>
  </div>
);

export function Estimators() {
  const [selected, setSelected] = useState<readonly string[]>(SELECTED);
  const [comparison, setComparison] = useState<EstimatorComparison | null>(null);
  const [busy, setBusy] = useState(false);
  const { index } = traced.value!;
  useEffect(() => setComparison(null), [index]);
  const run = async (): Promise<void> => {
    setBusy(true);
    setComparison(await compareEstimators(selected));
    setBusy(false);
  };
  return (
    <section aria-label="Estimators" aria-busy={busy}>
      <h2>Gradient estimators on this sequence</h2>
      <fieldset class="checks" aria-label="Estimators to compare">
        {choices.value.estimators.map((name) => (
          <label key={name} class="inline">
            <input
              type="checkbox"
              aria-label={name}
              checked={selected.includes(name)}
              onChange={({ currentTarget: { checked } }) =>
                setSelected(checked ? [...selected, name] : selected.filter((one) => one !== name))
              }
            />
            <span>
              {name} <small>{describeEstimator(name)}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <p>
        <button type="button" class="main" disabled={busy || selected.length === 0} onClick={() => void run()}>
          {busy ? 'Comparing…' : 'Compare'}
        </button>
      </p>
      {comparison && <Results {...comparison} />}
      <p class="hint">
        Computed in float64 with the weights of the pass above. The cosine is that of the mean estimate and the exact
        gradient; random estimators are drawn 24 times.
      </p>
    </section>
  );
}
