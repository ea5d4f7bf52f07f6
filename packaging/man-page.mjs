// snaphook.1, made of what `snaphook --help` says.

const roff = (text) =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');

/** `name`, `text` of a block of the help: entries are indented by two, their further lines by more. */
function entries(help, title) {
  const block = new RegExp(`^${title}:\\n((?: .*\\n?)+)`, 'm').exec(help)?.[1];
  if (block === undefined) throw new Error(`the help has no block "${title}"`);
  const found = [];
  for (const line of block.split('\n').filter((text) => text.trim() !== '')) {
    const [, name, text] = /^ {2,6}(\S.*?) {2,}(\S.*)$/.exec(line) ?? [];
    if (name !== undefined) found.push({ name: name.trim(), text });
    else found.at(-1).text += ` ${line.trim()}`;
  }
  return found;
}

const list = (items) => items.map(({ name, text }) => `.TP\n.B ${roff(name)}\n${roff(text)}`).join('\n');

export function manPage(help, hookHelp, version) {
  const exitCodes = /Exit codes: ([\s\S]+?)\.\s*$/.exec(help)?.[1].replace(/\s+/g, ' ');
  return `.TH SNAPHOOK 1 "" "snaphook ${version}" "User Commands"
.SH NAME
snaphook \\- application\\-consistent array snapshots of VMware VMs for backup products
.SH SYNOPSIS
.B snaphook
.I verb
[\\fIoptions\\fR]
.br
.B pre\\-backup
\\fB\\-\\-job\\fR \\fINAME\\fR [\\fIoptions\\fR]
.br
.B post\\-backup
\\fB\\-\\-job\\fR \\fINAME\\fR [\\fIoptions\\fR]
.SH DESCRIPTION
Called by the name
.B pre\\-backup
or
.BR post\\-backup ,
also through a link, it is the hook of that name. Every verb has
.B \\-\\-help
with examples.
.SH VERBS
${list(entries(help, 'Commands'))}
.SH OPTIONS
${list(entries(help, 'Options'))}
.SH HOOKS
.nf
${roff(hookHelp.trim())}
.fi
.SH EXIT STATUS
${roff(exitCodes)}.
.SH FILES
.TP
.I /etc/snaphook/snaphook.yaml
the configuration
`;
}
