import'./chat-6LKHJXPJ.js';import'./chunk-4JKXJRCB.js';
