import { advance } from '../../actions.js';
import { playing, sample, session, update, validation } from '../../state.js';
import { Result } from './parts.js';

export function Evaluation() {
  const { lossUnit, outputNames } = session.value!;
  const unit = lossUnit === 'bits' ? ' bits' : '';
  const last = validation.value.at(-1)?.[1];
  return (
    <>
      <button type="button" class="main" disabled={playing.value} onClick={() => void advance('epoch')}>
        Train one epoch and validate
      </button>
      <dl class="facts">
        {lossUnit === 'bits' && (
          <>
            <dt>a random guess among {outputNames.length} characters</dt>
            <dd>{Math.log2(outputNames.length).toFixed(3)} bits</dd>
          </>
        )}
        <dt>validation loss after {update.value} updates</dt>
        <dd>{last === undefined ? 'not measured yet' : `${last.toPrecision(4)}${unit}`}</dd>
      </dl>
      <pre class="sample">{sample.value?.text || 'No output yet.'}</pre>
      {last !== undefined && <Result label="Validation loss:" value={last} />}
    </>
  );
}
