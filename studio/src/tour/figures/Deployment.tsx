import { useEffect, useState } from 'preact/hooks';
import { measureStreaming, saveModel } from '../../actions.js';
import { session } from '../../state.js';
import { Result } from './parts.js';

const STEPS = 500;

export function Deployment() {
  const [bytes, setBytes] = useState<number | null>(null);
  const [ms, setMs] = useState<number | null>(null);
  useEffect(() => {
    void saveModel().then((file) => setBytes(file?.length ?? null));
  }, []);
  return (
    <>
      <button type="button" class="main" onClick={async () => setMs(await measureStreaming(STEPS))}>
        Run {STEPS} time steps, one at a time
      </button>
      <dl class="facts">
        <dt>parameters</dt>
        <dd>{session.value!.parameterCount.toLocaleString('en')}</dd>
        <dt>model file</dt>
        <dd>{bytes === null ? '…' : `${bytes.toLocaleString('en')} bytes`}</dd>
        <dt>one time step in this browser</dt>
        <dd data-testid="ms">{ms === null ? 'not measured yet' : `${ms.toPrecision(2)} ms`}</dd>
      </dl>
      {bytes !== null && <Result label="Size of the model file in bytes:" value={bytes} />}
    </>
  );
}
