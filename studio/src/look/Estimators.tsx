/** Ways to train through time, side by side on this sequence, against the exact gradient. */
import { useEffect, useState } from 'preact/hooks';
import type { Estimated } from '../engine/api.js';
import { ESTIMATOR_CHOICES } from '../settings.js';
import { estimate, look } from '../state.js';

const START = ['bptt', 'tbptt:k1=4,k2=8', 'tbptt:k1=1,k2=1'];

const count = (value: number): string =>
  value < 1e4 ? String(Math.round(value)) : value.toExponential(1).replace('e+', 'e');

export function Estimators() {
  const [chosen, setChosen] = useState<readonly string[]>(START);
  const [found, setFound] = useState<readonly Estimated[] | null>(null);
  const [busy, setBusy] = useState(false);
  const shown = look.value!;
  useEffect(() => setFound(null), [shown.index]);
  const run = async (): Promise<void> => {
    setBusy(true);
    setFound(await estimate(chosen));
    setBusy(false);
  };
  return (
    <section aria-label="Estimators" aria-busy={busy}>
      <h2>Estimators of the gradient, on this sequence</h2>
      <fieldset class="checks" aria-label="Which">
        {ESTIMATOR_CHOICES.map((name) => (
          <label key={name} class="inline">
            <input
              type="checkbox"
              checked={chosen.includes(name)}
              onChange={(event) =>
                setChosen(event.currentTarget.checked ? [...chosen, name] : chosen.filter((one) => one !== name))
              }
            />
            {name}
          </label>
        ))}
      </fieldset>
      <p>
        <button type="button" class="main" disabled={busy || chosen.length === 0} onClick={() => void run()}>
          {busy ? 'Comparing…' : 'Compare'}
        </button>
      </p>
      {found && (
        <div class="wide">
          <table data-testid="estimated">
            <thead>
              <tr>
                <th scope="col">estimator</th>
                <th scope="col">cosine</th>
                <th scope="col">norm ratio</th>
                <th scope="col">variance</th>
                <th scope="col">numbers held</th>
                <th scope="col">multiply-adds</th>
              </tr>
            </thead>
            <tbody>
              {found.map((one) => (
                <tr key={one.name}>
                  <th scope="row">{one.name}</th>
                  {one.problem === null ? (
                    <>
                      <td data-cosine={one.cosine}>{one.cosine.toFixed(3)}</td>
                      <td>{one.normRatio.toPrecision(3)}</td>
                      <td>{one.variance === 0 ? '0' : one.variance.toPrecision(2)}</td>
                      <td>{count(one.floats)}</td>
                      <td>{count(one.macs)}</td>
                    </>
                  ) : (
                    <td colSpan={5} class="hint">
                      {one.problem}
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p class="hint">
        In float64, with the weights of now. The cosine is that of the estimate’s mean (24 draws of a random one) and
        the exact gradient.
      </p>
    </section>
  );
}
