/** Gradient estimators, compared with the exact gradient of the selected sequence. */
import { useEffect, useState } from 'preact/hooks';
import { compareEstimators } from '../actions.js';
import type { EstimatorResult } from '../engine/api.js';
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

const Results = ({ results }: { results: readonly EstimatorResult[] }) => (
  <div class="wide">
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
  const [results, setResults] = useState<readonly EstimatorResult[] | null>(null);
  const [busy, setBusy] = useState(false);
  const { index } = traced.value!;
  useEffect(() => setResults(null), [index]);
  const run = async (): Promise<void> => {
    setBusy(true);
    setResults(await compareEstimators(selected));
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
              checked={selected.includes(name)}
              onChange={({ currentTarget: { checked } }) =>
                setSelected(checked ? [...selected, name] : selected.filter((one) => one !== name))
              }
            />
            {name}
          </label>
        ))}
      </fieldset>
      <p>
        <button type="button" class="main" disabled={busy || selected.length === 0} onClick={() => void run()}>
          {busy ? 'Comparing…' : 'Compare'}
        </button>
      </p>
      {results && <Results results={results} />}
      <p class="hint">
        Computed in float64 with the current weights. The cosine is that of the mean estimate and the exact gradient;
        random estimators are drawn 24 times.
      </p>
    </section>
  );
}
