import'./chat-VO3R6G4G.js';import'./chunk-MRMKZQ43.js';import'./chunk-SDOSUXGY.js';
