// Starts `sotto lsp` for .sotto files: sotto must be on the PATH of the editor.
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = () => {
  client = new LanguageClient("sotto", "Sotto", { command: "sotto", args: ["lsp"] }, { documentSelector: [{ language: "sotto" }] });
  return client.start();
};

exports.deactivate = () => client && client.stop();
