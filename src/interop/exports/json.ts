/** A model as JSON, for programs that read nothing else. */
import { type ExportableModel, parametersOf } from './content.js';

/** A finite number as JSON; -0 has no other text in JavaScript. */
const text = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

/**
 * Returns `{ precision, spec, vocabulary, parameters: { NAME: { shape, data } } }` as JSON; `data` are the numbers row by row. `importModel`
 * reads it and gives the same model, bit for bit. Throws `INVALID_SETTING`.
 */
export function toJson(model: ExportableModel): string {
  const all = parametersOf(model);
  const precision = all.some(({ data }) => data instanceof Float64Array) ? 'float64' : 'float32';
  const parameters = all.map(
    ({ name, shape, data }) =>
      `${JSON.stringify(name)}:{"shape":${JSON.stringify(shape)},"data":[${Array.from(data, text).join()}]}`,
  );
  const { spec, vocabulary } = model;
  const characters = vocabulary?.characters ?? null;
  const head = `"precision":"${precision}","spec":${JSON.stringify(spec)},"vocabulary":${JSON.stringify(characters)}`;
  return `{"format":"unspool-json","version":1,${head},"parameters":{${parameters.join(',')}}}\n`;
}
