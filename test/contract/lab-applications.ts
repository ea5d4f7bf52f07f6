import type { LabScript } from '../../src/lab/guest/lab-script.ts';
import type { LabPlugInProgram } from '../../src/lab/windows-guest/plug-in-process.ts';
import {
  type ApplicationCall,
  PLUG_IN_ANSWERS,
  type PlugInCommand,
  type PlugInDeeds,
  type ScriptDeeds,
} from './vss-helper-applications-world.ts';

const never = () => new Promise<never>(() => undefined);

export const labScript = (name: string, deeds: ScriptDeeds, calls: ApplicationCall[]): LabScript => ({
  name,
  run: async (phase) => {
    calls.push({ name, told: phase });
    const { output = '', exitCode = 0, hangs } = deeds[phase] ?? {};
    return hangs ? await never() : { output, exitCode };
  },
});

export const labPlugIn = (name: string, deeds: PlugInDeeds, calls: ApplicationCall[]): LabPlugInProgram => ({
  name,
  start: () => ({
    hear: async (line) => {
      calls.push({ name, told: line });
      const command: PlugInCommand = JSON.parse(line).command;
      const { output = PLUG_IN_ANSWERS[command], exitCode, hangs } = deeds[command] ?? {};
      if (hangs) return await never();
      return { output, ...(exitCode !== undefined && { exitCode }) };
    },
    end: () => void calls.push({ name, told: 'end' }),
  }),
});
