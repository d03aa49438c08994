import'./chat-T6WTEDWI.js';import'./chunk-E7MZFNJR.js';import'./chunk-SDOSUXGY.js';
