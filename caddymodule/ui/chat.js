import'./chat-TZG5PUDD.js';
