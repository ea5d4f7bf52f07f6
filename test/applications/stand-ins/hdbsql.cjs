// A stand-in of SAP HANA's hdbsql that knows data snapshots: one at a time, closed by its id. It goes on after an error.
const { readState, serve, writeState } = require('./statements.cjs');

const error = (text) => console.log(`* 447: ${text}`);
serve((line) => {
  const state = readState();
  const [, comment] = /^BACKUP DATA FOR FULL SYSTEM CREATE SNAPSHOT COMMENT '(.*)';$/.exec(line) ?? [];
  const [, id, outcome] =
    /^BACKUP DATA FOR FULL SYSTEM CLOSE SNAPSHOT BACKUP_ID (\d+) (SUCCESSFUL|UNSUCCESSFUL) '.*';$/.exec(line) ?? [];
  const [, wanted] =
    /^SELECT BACKUP_ID FROM M_BACKUP_CATALOG .*STATE_NAME = 'prepared' AND COMMENT = '(.*)';$/.exec(line) ?? [];
  const [, count, yes, no, counted] =
    /^SELECT 'snaphook-' \|\| CASE COUNT\(\*\) WHEN (\d+) THEN '(\w+)' ELSE '(\w+)' END FROM M_BACKUP_CATALOG .*COMMENT = '(.*)';$/.exec(
      line,
    ) ?? [];
  if (counted !== undefined) {
    const open = state.open?.comment === counted ? 1 : 0;
    console.log(`snaphook-${open === Number(count) ? yes : no}`);
  } else if (comment !== undefined) {
    if (state.open) return error('backup could not be completed: a snapshot is prepared already');
    writeState({ ...state, open: { id: 1700000000001, comment } });
  } else if (id !== undefined) {
    if (String(state.open?.id) !== id || state.staysOpen) return error('there is no prepared snapshot with this id');
    writeState({ ...state, open: undefined, closed: outcome });
  } else if (wanted !== undefined) console.log(state.open?.comment === wanted ? String(state.open.id) : '');
  else if (line.includes('basepath_datavolumes')) console.log(`"${state.folder}"`);
  else {
    const [, left, right] = /^SELECT '(.*)' \|\| '(.*)' FROM DUMMY;$/.exec(line) ?? [];
    if (left !== undefined) console.log(left + right);
  }
});
