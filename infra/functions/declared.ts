import { basename, dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import * as z from "zod";
import {
  DeclarationError,
  type HostedFunction,
  readDeclaration,
} from "../../lib/host/declaration.ts";
import { type Variable, variablesOf } from "./variables.ts";

/** A function of serverless.yml with a trigger, and the variables that it reads. */
export type DeclaredFunction = HostedFunction & {
  config: z.ZodType;
  variables: readonly Variable[];
};

/**
 * All functions with a trigger. The config of `handler.ts` is the export `config` of `config.ts` in its
 * folder. Another handler, such as `prune.ts`, may have its own config, `pruneConfig`, in that file.
 * Throws DeclarationError.
 */
export async function readFunctions(root: string): Promise<DeclaredFunction[]> {
  const declared = await readDeclaration(root);
  return Promise.all(
    declared.map(async (one) => {
      const config = await configOf(one, root);
      return { ...one, config, variables: variablesOf(config) };
    }),
  );
}

async function configOf({ name, file }: HostedFunction, root: string): Promise<z.ZodType> {
  const beside = join(dirname(file), "config.ts");
  const exported = await import(pathToFileURL(beside).href).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
      throw new DeclarationError(`${name}: cannot import ${relative(root, beside)}`, {
        cause: error,
      });
    },
  );
  const { config, [`${basename(file, ".ts")}Config`]: own = config } = exported as Record<
    string,
    unknown
  >;
  if (own instanceof z.ZodType) return own;
  throw new DeclarationError(`${relative(root, beside)}: must export \`config\`, a Zod schema`);
}
