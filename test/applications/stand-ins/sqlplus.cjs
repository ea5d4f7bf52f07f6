// A stand-in of Oracle's sqlplus that knows what a backup mode is (documented errors ORA-01123, ORA-01146, ORA-01142).
const { readState, serve, writeState } = require('./statements.cjs');

const error = (text) => {
  console.log(`ERROR at line 1:\n${text}`);
  return 1;
};
serve((line) => {
  const state = readState();
  if (/^ALTER DATABASE BEGIN BACKUP;$/.test(line)) {
    if (state.noArchiveLog) return error('ORA-01123: cannot start online backup; media recovery not enabled');
    if (state.inBackup) return error('ORA-01146: cannot start online backup - file 1 is already in backup');
    writeState({ ...state, inBackup: true });
  } else if (/^ALTER DATABASE END BACKUP;$/.test(line)) {
    if (!state.inBackup) return error('ORA-01142: cannot end online backup - none of the files are in backup');
    writeState({ ...state, inBackup: false });
  } else if (/v\$datafile/.test(line))
    console.log(`${state.dataFiles ?? state.folder}/users01.dbf\n${state.folder}/redo01.log`);
  else if (/v\$instance/.test(line)) console.log('OPEN');
  else {
    const [, text] = /^SELECT '(.*)' FROM dual;$/.exec(line) ?? [];
    if (text !== undefined) console.log(text);
  }
});
