/** `unspool gradcheck`: checks gradients against finite differences. */
import { createModel, type GradcheckReport, gradcheck, randomBatch } from '../../index.js';
import { readConfig } from '../config.js';
import { createOutput, type OutputFlags } from '../output.js';
import { tableText } from '../report/tables.js';
import { defaultsOf } from '../settings.js';
import { GRADCHECK_CONFIG } from './config.js';

function reportTable(report: GradcheckReport): string {
  return tableText({
    columns: ['tensor', 'checked', 'relative error', 'at', 'backward pass', 'finite difference'],
    rows: report.tensors.map(({ tensor, checked, worst }) => [
      tensor,
      checked,
      worst.relativeError.toExponential(1),
      `[${worst.index.join(', ')}]`,
      worst.analytic.toExponential(6),
      worst.numeric.toExponential(6),
    ]),
  });
}

/** Prints the report. Returns the exit code: 1 if a gradient is wrong. */
export async function runGradcheck(options: OutputFlags & { readonly config: string | undefined }): Promise<number> {
  const out = createOutput(options);
  const file = options.config;
  const config = {
    ...defaultsOf(GRADCHECK_CONFIG),
    ...(file === undefined ? {} : await readConfig(file, GRADCHECK_CONFIG)),
  };
  const model = await createModel(config.model, { backend: 'reference', precision: 'float64' });
  const { steps, batchSize, loss, epsilon, tolerance } = config;
  const batch = randomBatch(config.model, { steps, batchSize }, model.outputSize);
  const report = await gradcheck(model, batch, {
    ...(loss !== undefined && { loss }),
    ...(epsilon !== undefined && { epsilon }),
    ...(tolerance !== undefined && { tolerance }),
  });
  out.record({ kind: 'gradcheck', ...report });
  out.print(reportTable(report));
  const error = report.worst.relativeError.toExponential(1);
  const verdict = report.passed ? 'passed' : 'FAILED';
  out.print(`\n${verdict}: largest relative error ${error}, tolerance ${report.tolerance}`);
  return report.passed ? 0 : 1;
}
