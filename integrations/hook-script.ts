import path from 'node:path';
import type { InstallItem, InstallRequest } from './contract.ts';
import { fileNamePart, hookFolder } from './typed-command.ts';

type InstallFile = Extract<InstallItem, { readonly kind: 'file' }>;

/** A script that a product calls, or a person: more than the one command of a hook. */
export function hookScript(request: InstallRequest, name: string, lines: readonly string[]): InstallFile {
  const { job, system } = request;
  const fileName = `${name}-${fileNamePart(job)}`;
  const folder = hookFolder(system);
  return system === 'windows'
    ? {
        kind: 'file',
        path: path.win32.join(folder, `${fileName}.bat`),
        mode: 0o755,
        content: linesOf(['@echo off', ...lines], '\r\n'),
      }
    : {
        kind: 'file',
        path: path.posix.join(folder, fileName),
        mode: 0o755,
        owner: 'root',
        content: linesOf(['#!/bin/sh', ...lines], '\n'),
      };
}

const linesOf = (lines: readonly string[], end: string): string => lines.map((line) => `${line}${end}`).join('');
