/** A model as JSON, for programs that read nothing else. */
import { type ExportableModel, parametersOf } from './content.js';

/**
 * Returns `{ spec, vocabulary, parameters: { NAME: { shape, data } } }` as JSON; `data` are the numbers row by row. Reading it
 * gives the same numbers, bit for bit. Throws `INVALID_SETTING`.
 */
export function toJson(model: ExportableModel): string {
  const parameters = parametersOf(model).map(
    ({ name, shape, data }) => `${JSON.stringify(name)}:{"shape":${JSON.stringify(shape)},"data":[${data.join()}]}`,
  );
  const { spec, vocabulary } = model;
  const characters = vocabulary?.characters ?? null;
  const head = `"spec":${JSON.stringify(spec)},"vocabulary":${JSON.stringify(characters)}`;
  return `{"format":"unspool-json","version":1,${head},"parameters":{${parameters.join(',')}}}\n`;
}
