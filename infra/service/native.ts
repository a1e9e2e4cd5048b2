import { join } from "node:path";
import {
  end,
  isOutdated,
  type Launch,
  launch,
  remembered,
  running,
  signalGroup,
  untilReady,
} from "./processes.ts";
import type { Address, Place, Runner } from "./service.ts";
import { chooseSettings, readSettings, type Settings } from "./settings.ts";

/** One process of a service. Its log and its record are in a folder of the same name. */
export type Process<Port extends string> = {
  name: string;
  launch: (place: Place, settings: Settings<Port>) => Omit<Launch, "folder">;
  answers: (settings: Settings<Port>) => Promise<boolean>;
  startMs: number;
  graceMs: number;
};

/** Runs a service as processes of this machine, one after the other. */
export function natively<Port extends string>({
  title,
  ports,
  prepare,
  processes,
  addressOf,
}: {
  title: string;
  ports: readonly Port[];
  /** Installs and configures the service, while none of its processes runs. */
  prepare: (place: Place, settings: Settings<Port>) => Promise<void>;
  processes: readonly Process<Port>[];
  addressOf: (settings: Settings<Port>) => Address;
}): Runner {
  const folderOf = ({ folder }: Place, { name }: Process<Port>) => join(folder, name);

  return {
    async start(place) {
      const settings = await chooseSettings(place.folder, ports);
      await prepare(place, settings);
      place.report("starts");
      for (const one of processes) {
        const folder = folderOf(place, one);
        await launch({ folder, ...one.launch(place, settings) });
        await untilReady(folder, title, () => one.answers(settings), one.startMs);
      }
      return addressOf(settings);
    },
    async stop(place) {
      for (const one of processes.toReversed()) await end(folderOf(place, one), one.graceMs);
    },
    async signal(place, name) {
      const last = processes.at(-1);
      if (last !== undefined) await signalGroup(folderOf(place, last), name);
    },
    async find(place) {
      const settings = await readSettings<Port>(place.folder);
      const folders = processes.map((one) => folderOf(place, one));
      const started = await Promise.all(folders.map(remembered));
      if (settings === undefined || !started.includes(true)) return undefined;
      const pids = await Promise.all(folders.map(running));
      const outdated = processes.map((one) =>
        isOutdated(folderOf(place, one), one.launch(place, settings)),
      );
      return {
        address: addressOf(settings),
        alive: !pids.includes(undefined),
        outdated: (await Promise.all(outdated)).includes(true),
      };
    },
  };
}
