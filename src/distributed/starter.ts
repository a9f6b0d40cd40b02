/** What the program that started this process says about its ranks. */
export interface Starter {
  readonly isOpenMpi: boolean;
  readonly size: number;
}

/** From the environment of a process that `mpirun`, `mpiexec` or `srun` started; null for another one. */
export function starterOf(env: Readonly<Record<string, string | undefined>>): Starter | null {
  const size = Number(env.OMPI_COMM_WORLD_SIZE ?? env.PMI_SIZE ?? Number.NaN);
  return Number.isInteger(size) ? { isOpenMpi: env.OMPI_COMM_WORLD_SIZE !== undefined, size } : null;
}
