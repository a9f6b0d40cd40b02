import { session, settings, traced } from '../../state.js';
import { Result } from './parts.js';

const SHOWN_STEPS = 14;

const Row = ({ title, cells }: { title: string; cells: readonly (string | number)[] }) => (
  <tr>
    <th scope="row">{title}</th>
    {cells.map((cell, t) => (
      <td key={`${t}-${cell}`}>{cell}</td>
    ))}
  </tr>
);

export function DataPreparation() {
  const { inputLabels, targetLabels, trace } = traced.value!;
  const { steps, batchSize } = settings.value;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the table scrolls sideways, which must work with the keyboard */}
      <div class="wide" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">time step</th>
              {inputLabels.slice(0, SHOWN_STEPS).map((_, t) => (
                <th key={String(t)} scope="col">
                  {t}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <Row title="input" cells={inputLabels.slice(0, SHOWN_STEPS)} />
            {trace.input.kind === 'tokens' && (
              <Row title="token number" cells={Array.from(trace.input.ids.slice(0, SHOWN_STEPS))} />
            )}
            <Row title="target" cells={targetLabels.slice(0, SHOWN_STEPS).map((label) => label || '–')} />
          </tbody>
        </table>
      </div>
      <Result
        label={`A batch has ${batchSize} sequences of ${steps} time steps. Batches per epoch:`}
        value={session.value!.batchesPerEpoch}
      />
    </>
  );
}
