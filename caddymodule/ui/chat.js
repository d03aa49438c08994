import'./chat-RFN5FRBR.js';import'./chunk-MRMKZQ43.js';import'./chunk-SDOSUXGY.js';
