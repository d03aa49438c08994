import'./chat-THDZNNTX.js';import'./chunk-D5J4KFGS.js';import'./chunk-SDOSUXGY.js';
