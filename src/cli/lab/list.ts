import { EXPERIMENTS } from '../../lab/experiments/index.js';
import { ESTIMATORS } from '../../lab/index.js';
import { createOutput, type OutputFlags } from '../output.js';
import { tableText } from '../report/tables.js';

/** `unspool lab list` */
export async function list(options: OutputFlags): Promise<number> {
  const out = createOutput(options);
  const experiments = EXPERIMENTS.map(({ id, title }) => [id, title]);
  const estimators = Object.entries(ESTIMATORS).map(([name, { settings, summary }]) => [
    settings.length > 0 ? `${name}:${settings.map((key) => `${key}=`).join(',')}` : name,
    summary,
  ]);
  out.print(
    `Experiments (unspool lab run EXPERIMENT)\n\n${tableText({ columns: ['id', 'title'], rows: experiments })}\n`,
  );
  out.print(
    `Estimators (unspool lab compare --estimators "...")\n\n${tableText({ columns: ['name', 'description'], rows: estimators })}`,
  );
  for (const { id, title, question, source } of EXPERIMENTS)
    out.record({ kind: 'experiment', id, title, question, source });
  for (const [name, { settings, summary }] of Object.entries(ESTIMATORS)) {
    out.record({ kind: 'estimator', name, settings, summary });
  }
  return 0;
}
